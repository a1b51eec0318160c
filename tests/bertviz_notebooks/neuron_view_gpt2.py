# %% The neuron view of a decoder
from bertviz.neuron_view import show
from bertviz.transformers_neuron_view import GPT2Model, GPT2Tokenizer

model_type = "gpt2"
model = GPT2Model.from_pretrained(FOLDERS / "gpt2")
tokenizer = GPT2Tokenizer.from_pretrained(FOLDERS / "gpt2")
show(model, model_type, tokenizer, "A cat, a mat,", display_mode="dark")
