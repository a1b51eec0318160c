# %% The neuron view of two texts
from bertviz.neuron_view import show
from bertviz.transformers_neuron_view import BertModel, BertTokenizer

model_type = "bert"
model = BertModel.from_pretrained(FOLDERS / "bert", output_attentions=True)
tokenizer = BertTokenizer.from_pretrained(FOLDERS / "bert", do_lower_case=True)
show(model, model_type, tokenizer, "The cat sat on the mat", "The cat lay on the rug", layer=2, head=0)
