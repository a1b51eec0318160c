# %% A model view of an encoder–decoder
from bertviz import model_view
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(FOLDERS / "marian")
model = AutoModel.from_pretrained(FOLDERS / "marian", attn_implementation="eager", output_attentions=True)
encoder_input_ids = tokenizer("le chat dort", return_tensors="pt", add_special_tokens=True).input_ids
decoder_input_ids = tokenizer("the cat sleeps", return_tensors="pt", add_special_tokens=True).input_ids
outputs = model(input_ids=encoder_input_ids, decoder_input_ids=decoder_input_ids)
encoder_text = tokenizer.convert_ids_to_tokens(encoder_input_ids[0])
decoder_text = tokenizer.convert_ids_to_tokens(decoder_input_ids[0])
model_view(
    encoder_attention=outputs.encoder_attentions,
    decoder_attention=outputs.decoder_attentions,
    cross_attention=outputs.cross_attentions,
    encoder_tokens=encoder_text,
    decoder_tokens=decoder_text,
)
