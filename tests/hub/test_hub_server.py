"""The loopback Hub speaks to the real `huggingface_hub`: what holds on it is likely to hold on the Hub."""

from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError


@pytest.fixture
def api(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    return huggingface_hub.HfApi(endpoint=hub.url, token="hf_writer")


def test_the_real_client_lists_models_by_filters_over_pages(hub_server, reward_model_files) -> None:
    with hub_server(page_size=2) as hub:
        for n in range(5):
            tags = ["reward-model"] if n != 3 else []
            hub.add(f"acme/judge-{n}", reward_model_files(), tags=tags, downloads=n)
        api = huggingface_hub.HfApi(endpoint=hub.url)
        found = list(api.list_models(filter="reward-model", search="judge", sort="downloads", expand=["config"]))
    assert [model.id for model in found] == [f"acme/judge-{n}" for n in (4, 2, 1, 0)]
    assert found[0].config["architectures"] == ["LlamaForSequenceClassification"]


def test_the_real_client_reads_info_tree_and_headers(hub, api, reward_model_files) -> None:
    sha = hub.add("acme/judge", reward_model_files(), tags=["reward-model"], pipeline_tag="text-classification")
    info = api.model_info("acme/judge", files_metadata=True)
    assert (info.sha, info.pipeline_tag, info.card_data.license) == (sha, "text-classification", "apache-2.0")
    weights = next(file for file in info.siblings if file.rfilename == "model.safetensors")
    assert weights.size == weights.lfs.size > 0
    assert {file.path for file in api.list_repo_tree("acme/judge")} == {file.rfilename for file in info.siblings}
    assert api.get_paths_info("acme/judge", ["config.json"])[0].path == "config.json"
    header = api.get_safetensors_metadata("acme/judge")
    assert header.files_metadata["model.safetensors"].tensors["score.weight"].shape == [1, 8]
    assert info.safetensors.total == header.parameter_count["F32"] == 32 * 8 + 8


def test_the_real_client_downloads_and_resolves_revisions(hub, api, reward_model_files, tmp_path: Path) -> None:
    first = hub.add("acme/judge", reward_model_files())
    hub.add("acme/judge", reward_model_files(readme="A newer one."))
    folder = Path(api.snapshot_download("acme/judge", revision=first, cache_dir=tmp_path))
    assert folder.name == first
    assert (folder / "model.safetensors").read_bytes() == reward_model_files()["model.safetensors"]
    assert (folder / "README.md").read_text() != "A newer one."
    with pytest.raises(RevisionNotFoundError):
        api.model_info("acme/judge", revision="0" * 40)


def test_gates_open_for_known_tokens_only(hub, api, reward_model_files, tmp_path: Path) -> None:
    hub.add("acme/gated", reward_model_files(), gated="manual")
    hub.add("acme/private", reward_model_files(), private=True)
    assert api.model_info("acme/gated").gated == "manual"
    with pytest.raises(GatedRepoError):
        api.hf_hub_download("acme/gated", "config.json", cache_dir=tmp_path)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("acme/private")
    hub.access.add("hf_writer")
    assert Path(api.hf_hub_download("acme/gated", "config.json", cache_dir=tmp_path)).exists()
    assert api.model_info("acme/private").private


def test_folders_are_pushed_and_pulled(hub, api, tmp_path: Path) -> None:
    source = tmp_path / "library"
    (source / "tools").mkdir(parents=True)
    (source / "README.md").write_text("---\nlicense: mit\n---\nTools.\n")
    (source / "tools" / "brackets.py").write_text("def verify(prompt, completion, reference):\n    return 1.0\n")
    api.create_repo("acme/library", exist_ok=True)
    api.create_repo("acme/library", exist_ok=True)
    first = api.upload_folder(repo_id="acme/library", folder_path=source)
    (source / "tools" / "brackets.py").unlink()
    (source / "tools" / "dates.py").write_text("pass\n")
    second = api.upload_folder(repo_id="acme/library", folder_path=source, delete_patterns="*.py")
    old = Path(api.snapshot_download("acme/library", revision=first.oid, local_dir=tmp_path / "old"))
    new = Path(api.snapshot_download("acme/library", revision=second.oid, local_dir=tmp_path / "new"))
    assert (old / "tools" / "brackets.py").read_text().startswith("def verify")
    assert [path.name for path in (new / "tools").iterdir()] == ["dates.py"]
