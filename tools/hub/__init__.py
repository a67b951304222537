"""Reward models of the Hugging Face Hub: found, looked at without download, checked, run; and remote ones.

    terms -> search -> inspection -> ModelFacts -> shortlist -> download -> Snapshot
    Snapshot -> reward_model -> self_test -> evaluate (on probes) -> recipe -> opening -> LoadedModels

client, wire      one Hub, asked with a total time for everything
search            a union of queries, since any one tag misses most
inspection, headers, reading, facts   what is known of a model without its weights
shortlist, memory what speaks against a download; how much memory there is
download          at a pinned commit, every byte checked, nothing that can run
adapters/         how each kind of model is read
reward_model      a loaded model as a reward tool
self_test         what a loader or a repository may have got wrong, each check a known bug
loaded, opening   models in memory under a budget; from a library's recipe to a tool
evaluate          one repository on a task's probes
remote, remote_protocols   reward models behind HTTP
"""
