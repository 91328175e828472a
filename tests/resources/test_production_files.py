"""The files of docs/production, checked by the schemas of the programs that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef

PRODUCTION = Path(__file__).parents[2] / "docs" / "production"
MANIFESTS = list(yaml.safe_load_all((PRODUCTION / "kubernetes" / "nextgen.yaml").read_text(encoding="utf-8")))
MODELS = {
    "ConfigMap": "V1ConfigMap",
    "PersistentVolumeClaim": "V1PersistentVolumeClaim",
    "ServiceAccount": "V1ServiceAccount",
    "Role": "V1Role",
    "RoleBinding": "V1RoleBinding",
    "Deployment": "V1Deployment",
}
ENVIRONMENT = ("PG_USER", "PG_PASSWORD", "PG_HOST", "PG_DATABASE", "IMAGE", "CELERY_BROKER", "CELERY_BACKEND")


@pytest.fixture(autouse=True)
def _told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.setenv(f"NEXTGEN_{name}", f"{name.lower()}-of-this-test")


@pytest.mark.parametrize("folder", [PRODUCTION, PRODUCTION / "kubernetes"], ids=["server", "kubernetes"])
def test_dagster_accepts_its_file(folder: Path, tmp_path: Path) -> None:
    config, _ = dagster_instance_config(str(folder))
    assert config["concurrency"]["runs"]["max_concurrent_runs"] in (4, 8)
    shipped = yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8"))
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(shipped | {"no_such_part": 1}))
    with pytest.raises(dg.DagsterInvalidConfigError, match="no_such_part"):
        dagster_instance_config(str(tmp_path))


def test_launcher_of_kubernetes_accepts_its_part_and_refuses_a_stranger() -> None:
    pytest.importorskip("dagster_k8s", reason="the extra kubernetes is not installed")
    from dagster._config import process_config, resolve_to_config_type
    from dagster_k8s import K8sRunLauncher

    schema = resolve_to_config_type(K8sRunLauncher.config_type())
    ref = InstanceRef.from_dir(str(PRODUCTION / "kubernetes"))
    given = ref.run_launcher_data.config_dict
    found = process_config(schema, given)
    assert found.success, [error.message for error in found.errors]
    assert found.value["job_image"] == "image-of-this-test"
    assert not process_config(schema, given | {"job_imagge": "x"}).success


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_manifest_has_only_fields_that_kubernetes_knows(manifest: dict[str, Any]) -> None:
    kubernetes = pytest.importorskip("kubernetes.client", reason="the extra kubernetes is not installed")
    from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict

    kind = getattr(kubernetes, MODELS[manifest["kind"]])
    model = k8s_model_from_dict(kind, k8s_snake_case_dict(kind, manifest))
    assert model.metadata.namespace == "nextgen"
    with pytest.raises(Exception, match="replica_count"):
        k8s_model_from_dict(kind, k8s_snake_case_dict(kind, manifest) | {"replica_count": 1})


def test_manifests_agree_with_the_launcher() -> None:
    named = {(each["kind"], each["metadata"]["name"]) for each in MANIFESTS}
    shipped = yaml.safe_load((PRODUCTION / "kubernetes" / "dagster.yaml").read_text(encoding="utf-8"))
    launcher = shipped["run_launcher"]["config"]
    assert ("ServiceAccount", launcher["service_account_name"]) in named
    assert {("ConfigMap", name) for name in launcher["env_config_maps"]} <= named
    claims = {
        ("PersistentVolumeClaim", each["persistentVolumeClaim"]["claimName"]) for each in launcher["volumes"]
    }
    assert claims <= named
    told = next(each for each in MANIFESTS if each["kind"] == "ConfigMap")["data"]
    asked = [
        text["env"]
        for text in shipped["storage"]["postgres"]["postgres_db"].values()
        if isinstance(text, dict)
    ]
    assert {*asked, launcher["job_image"]["env"]} - set(told) == {"NEXTGEN_PG_PASSWORD"}, "which is a secret"


def test_celery_accepts_the_configuration_of_a_run_and_refuses_a_stranger() -> None:
    celery = pytest.importorskip("dagster_celery", reason="the extra celery is not installed")
    from dagster_celery.cli import get_validated_config

    @dg.asset
    def nothing() -> None: ...

    job = dg.Definitions(
        assets=[nothing], executor=celery.celery_executor
    ).resolve_implicit_global_asset_job_def()
    config = yaml.safe_load((PRODUCTION / "celery" / "run.yaml").read_text(encoding="utf-8"))
    accepted = dg.validate_run_config(job, config)
    assert accepted["execution"]["celery"]["broker"] == "celery_broker-of-this-test"
    assert (
        get_validated_config(str(PRODUCTION / "celery" / "run.yaml"))["backend"]
        == "celery_backend-of-this-test"
    )
    config["execution"]["config"]["brokker"] = "x"
    with pytest.raises(dg.DagsterInvalidConfigError, match="brokker"):
        dg.validate_run_config(job, config)
