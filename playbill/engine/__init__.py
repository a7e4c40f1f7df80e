"""How the processes of the stages run: each by itself, or forked from one that imported once."""
