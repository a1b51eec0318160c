# %% The neuron view of two texts
from bertviz.neuron_view import show
from bertviz.transformers_neuron_view import RobertaModel, RobertaTokenizer

model_type = "roberta"
model = RobertaModel.from_pretrained(FOLDERS / "roberta", output_attentions=True)
tokenizer = RobertaTokenizer.from_pretrained(FOLDERS / "roberta")
show(model, model_type, tokenizer, "A cat sat", "A cat lay", display_mode="light", layer=1, head=3)
