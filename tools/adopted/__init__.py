"""The adopted: library entries, how each is built again, and the store that keeps them.

entry       Entry, and the recipes from which a tool is built again
records     what happened to tools, as records only ever added; which version is active follows from them
place       where the store is: a URL, read without opening anything
opening     the LangGraph store at a place
shelf       texts under keys on that store, only ever added
store       AdoptedStore: adopt, refuse, retire, rollback, suspend, resume, and what follows
build       from an entry back to a tool; a library with the adopted tools in it
folder      tools as a folder: written out, and read back with suspicion
model_card  the README files of such a folder
importing   taking a folder's tools into a store, after checking them again
sharing     folders to and from the Hugging Face Hub
"""
