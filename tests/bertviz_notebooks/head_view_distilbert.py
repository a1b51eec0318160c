# %% A head view of one text
from bertviz import head_view
from transformers import AutoTokenizer, DistilBertModel

model = DistilBertModel.from_pretrained(FOLDERS / "distilbert", attn_implementation="eager", output_attentions=True)
tokenizer = AutoTokenizer.from_pretrained(FOLDERS / "distilbert")
inputs = tokenizer.encode("The cat sat on the mat", return_tensors="pt")
attention = model(inputs).attentions
tokens = tokenizer.convert_ids_to_tokens(inputs[0])
head_view(attention, tokens)

# %% with a layer and heads of it
head_view(attention, tokens, layer=2, heads=[1, 3])
