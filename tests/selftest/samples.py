"""The files that most of these tests look at: every kind of name and size, once."""
from hub import Generated

BIG = 600_000
FILES = {"config.json": b'{"hidden_size": 8}\n', "empty.txt": b"", "model.safetensors":
         Generated(BIG, "weights"), "sub dir/we#ird%20+ñ.txt": b"a name with everything\n",
         "deep/er/notes.md": b"# notes\n"}
