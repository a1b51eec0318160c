# %% A head view of two texts
from bertviz import head_view
from transformers import AutoModel, AutoTokenizer, utils

utils.logging.set_verbosity_error()
model = AutoModel.from_pretrained(FOLDERS / "bert", attn_implementation="eager", output_attentions=True)
tokenizer = AutoTokenizer.from_pretrained(FOLDERS / "bert")
inputs = tokenizer("the cat sat on the mat", "the cat lay on the rug", return_tensors="pt")
input_ids = inputs["input_ids"]
token_type_ids = inputs["token_type_ids"]
attention = model(input_ids, token_type_ids=token_type_ids).attentions
sentence_b_start = token_type_ids[0].tolist().index(1)
tokens = tokenizer.convert_ids_to_tokens(input_ids[0].tolist())
head_view(attention, tokens, sentence_b_start)
