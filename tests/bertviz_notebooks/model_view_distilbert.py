# %% A model view of one text
from bertviz import model_view
from transformers import AutoTokenizer, DistilBertModel

model = DistilBertModel.from_pretrained(FOLDERS / "distilbert", attn_implementation="eager", output_attentions=True)
tokenizer = AutoTokenizer.from_pretrained(FOLDERS / "distilbert")
inputs = tokenizer.encode("The cat sat on the mat", return_tensors="pt")
outputs = model(inputs)
attention = outputs[-1]
tokens = tokenizer.convert_ids_to_tokens(inputs[0])
model_view(attention, tokens)

# %% lighter, and of some layers
model_view(attention, tokens, display_mode="light", include_layers=[0, 2])
