"""What `export` prints: valid, without secrets, the same graph; and each command line in it, started for real."""

import json
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from bus import keys
from host import probe
from host.export import layout
from host.export.container import containers
from host.export.spread import dns_names
from host.export.verb import export
from host.graph import GraphError, load
from tests.conftest import make_clip, need_modules, until
from tests.containers import Container, Spec, of_compose, of_kubernetes
from tests.graphs import KEYS
from tests.launch import ROOT, files
from tests.network.hosts import hosts
from tests.two_hosts import TwoHosts

ODD = """
hosts:
  robot: {{key: "{}"}}
  pool_1: {{key: "{}", address: 10.0.0.7}}
wires:
  raw: {{address: "tcp://pool_1:6000", keep: latest, max_age: 2, prefetch: 3}}
  b: {{encode: png}}
nodes:
  Cam_1: {{run: nodes.splitter, host: robot, push: raw, args: {{source: /dev/video0, stream: "007", reopen: no}}}}
  cam_1: {{run: nodes.splitter, host: robot, push: raw, args: {{source: "rtsp://me:${{CAM_PASSWORD}}@cam/1"}}}}
  thermal:
    run: thermal
    host: pool_1
    pull: raw
    push: [a, b]
    args: {{model: model.onnx, device: "cuda:0", sizes: [1, {{x: "2"}}], loop: false}}
    replicas: 2
    memory: 1.5GB
    stall: 7
  saver:
    run: nodes.saver
    host: pool_1
    pull: a
    args: {{folder: "pictures/a $1", by: stream}}
    restart: never
    stall: off
  log: {{command: [./tool.sh, --x=1], host: pool_1, pull: b, env: {{PRICE: "5 $USD"}}, in_order: true}}
"""
THERMAL = """
from bus import run


def thermal(frames, *, model="", device="", sizes: list | None = None, loop=True):
    yield from frames


if __name__ == "__main__":
    run(thermal)
"""


def default(folder: Path) -> None:
    shutil.copy(ROOT / "graph.yaml", folder)


def two_machines(folder: Path) -> None:
    both = TwoHosts(folder / "both", 21_990, linked=True)
    shutil.copy(both.robot / "graph.yaml", folder)
    shutil.copy(both.robot / "clip.mp4", folder)


def odd(folder: Path) -> None:
    (folder / "graph.yaml").write_text(ODD.format(*KEYS))
    (folder / "thermal.py").write_text(THERMAL)
    for name in ("helper.py", "model.onnx", "tool.sh"):
        (folder / name).touch(mode=0o755)


def pool(folder: Path) -> None:
    """examples/pool, with keys."""
    text = (ROOT / "examples" / "pool" / "graph.yaml").read_text()
    for key in KEYS[:2]:
        text = text.replace('"…"', f'"{key}"', 1)
    (folder / "graph.yaml").write_text(text)


GRAPHS = [default, two_machines, odd, pool]
Make = Callable[[Path], None]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that can be the name of a namespace."""
    (tmp_path / "frames").mkdir()
    return tmp_path / "frames"


def exported(folder: Path, form: str, *words: str, image: str | None = None) -> str:
    graph = load(folder / "graph.yaml", words)
    with redirect_stdout(StringIO()) as printed:
        export(graph, form, words, image, lambda _: None)
    return printed.getvalue()


def printed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The same by the launcher."""
    command = [sys.executable, str(ROOT / "launcher.py"), "graph.yaml", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def services(folder: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(exported(folder, "compose", *words))["services"]
    return found


def workloads(folder: Path, *words: str) -> dict[str, Any]:
    documents = yaml.safe_load_all(exported(folder, "k8s", *words))
    return {one["metadata"]["name"]: one for one in documents if one["kind"] in ("Job", "Deployment")}


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize("image", [None, "registry.example/me/frames:1"])
def test_a_compose_file_is_what_the_specification_says(place: Path, make: Make, image: str | None) -> None:
    need_modules("check_jsonschema")
    from check_jsonschema.builtin_schemas import get_builtin_schema

    make(place)
    tree = yaml.safe_load(exported(place, "compose", image=image))
    schema = get_builtin_schema("vendor.compose-spec")
    validator_for(schema)(schema).validate(tree)
    assert len(tree["services"]) == len(load(place / "graph.yaml").nodes)
    for service in tree["services"].values():
        for mount in (*service["volumes"], *tree["configs"].values(), *tree["secrets"].values()):
            assert (place / (mount.get("source") or mount["file"]).replace("$$", "$")).exists()


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize("image", [None, "registry.example/me/frames:1"])
def test_manifests_are_what_kubernetes_takes(place: Path, make: Make, image: str | None) -> None:
    need_modules("kubernetes_validate")
    import kubernetes_validate

    make(place)
    documents = [*yaml.safe_load_all(exported(place, "k8s", image=image))]
    for document in documents:
        kubernetes_validate.validate(document, "1.31", strict=True)
    graph = load(place / "graph.yaml")
    assert sum(one["kind"] in ("Job", "Deployment") for one in documents) == len(graph.nodes)
    found = [one["metadata"]["name"] for one in documents if one["kind"] == "Service"]
    assert found == [one.name for one in containers(graph) if one.node.pulls]
    names = [(one["kind"], one["metadata"]["name"]) for one in documents]
    assert len({*names}) == len(names)
    assert all(re.fullmatch("[a-z]([-a-z0-9]{0,52}[a-z0-9])?", name) for _, name in names)


@pytest.mark.parametrize("make", GRAPHS)
def test_the_graph_in_the_containers_is_the_same_but_for_where_nodes_are(place: Path, make: Make) -> None:
    make(place)
    words = ["cam_1.replicas=3", "thermal.loop=true"] if make is odd else []
    exported(place, "compose", *words)
    before = load(place / "graph.yaml", words)
    after = load(place / "graph.yaml", text=(place / "deploy" / "graph.yaml").read_text())
    same = [
        "run",
        "command",
        "replicas",
        "least",
        "resources",
        "restart",
        "stall",
        "memory",
        "in_order",
        "env",
        "args",
        "folder",
    ]
    same += ["args", "folder", "inputs", "outputs"]
    for name, node in before.nodes.items():
        assert after.nodes[name].host == name
        for key in same:
            assert getattr(after.nodes[name], key) == getattr(node, key), key
    for name, wire in before.wires.items():
        address = after.wires[name].address
        assert address
        assert address.host == wire.puller
        for key in ("keep", "prefetch", "max_age"):
            assert getattr(after.wires[name], key) == getattr(wire, key), key
        stayed = len({before.nodes[node].host for node in (*wire.pushers, wire.puller)}) == 1
        wanted = str(wire.encode) if wire.encode else "raw" if stayed else "None"
        assert str(after.wires[name].encode) == wanted
    assert json.dumps([*KEYS]) not in (place / "deploy" / "graph.yaml").read_text()


@pytest.mark.parametrize("form", ["compose", "k8s"])
def test_no_export_holds_a_secret(place: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAM_PASSWORD", "hush-hush")
    odd(place)
    text = exported(place, form)
    private = [path.read_text().strip() for path in (place / "deploy" / "keys").glob("*.key")]
    assert len(private) == 5
    for secret in ("hush-hush", *private):
        assert secret not in text
        assert secret not in (place / "deploy" / "graph.yaml").read_text() if form == "compose" else True
    assert "CAM_PASSWORD" in text
    assert exported(place, form) == text  # the keys are made once
    for path in (place / "deploy" / "keys").glob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_comes_from_the_shell_or_a_secret_of_the_clusters_and_goes_to_who_names_it(place: Path) -> None:
    odd(place)
    for name, service in services(place).items():
        assert service["environment"].get("CAM_PASSWORD") == ("${CAM_PASSWORD:?}" if name == "cam-1-2" else None)
    for name, workload in workloads(place).items():
        [one] = workload["spec"]["template"]["spec"]["containers"]
        given = [env["valueFrom"]["secretKeyRef"] for env in one["env"] if env["name"] == "CAM_PASSWORD"]
        assert given == ([{"name": "graph-secrets", "key": "CAM_PASSWORD"}] if name == "cam-1-2" else [])


def test_each_container_sees_its_own_key_alone(place: Path) -> None:
    default(place)
    for name, service in services(place).items():
        assert [one["source"] for one in service["secrets"]] == [name]
    for name, workload in workloads(place).items():
        [key] = [volume for volume in workload["spec"]["template"]["spec"]["volumes"] if volume["name"] == "key"]
        assert key["secret"]["items"] == [{"key": f"{name}.key", "path": f"{name}.key"}]


def test_no_container_has_rights(place: Path) -> None:
    default(place)
    for service in services(place).values():
        assert not service["user"].startswith("0:")
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "ports" not in service
    for workload in workloads(place).values():
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        [one] = pod["containers"]
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize(
    ("override", "kind", "restart"),
    [
        ("splitter.source=test", "Job", "on-failure:5"),
        ("splitter.source=test:forever", "Deployment", "unless-stopped"),
        ("splitter.source=rtsp://cam/1", "Deployment", "unless-stopped"),
        ("splitter.source=http://host/clip.mpg", "Job", "on-failure:5"),
        ("splitter.source=clip.mp4", "Job", "on-failure:5"),
    ],
)
def test_what_has_ended_well_does_not_begin_again(place: Path, override: str, kind: str, restart: str) -> None:
    default(place)
    assert {one["restart"] for one in services(place, override).values()} == {restart}
    assert {one["kind"] for one in workloads(place, override).values()} == {kind}


@pytest.mark.parametrize("cut", ["splitter.limit=9", "splitter.reopen=false"])
def test_a_live_source_that_is_to_end_ends(place: Path, cut: str) -> None:
    default(place)
    assert {one["kind"] for one in workloads(place, "splitter.source=rtsp://cam/1", cut).values()} == {"Job"}


def test_a_watcher_without_a_splitter_and_a_node_that_never_restarts(place: Path) -> None:
    (place / "graph.yaml").write_text(
        "nodes:\n  watcher: {run: nodes.watcher, push: frames, args: {folder: spool}}\n"
        "  saver: {run: nodes.saver, pull: frames, restart: never, args: {folder: kept}}\n"
    )
    assert {name: one["restart"] for name, one in services(place).items()} == {
        "watcher": "unless-stopped",
        "saver": "no",
    }
    found = workloads(place)
    assert (found["watcher"]["kind"], found["saver"]["kind"]) == ("Deployment", "Job")
    assert found["saver"]["spec"]["backoffLimit"] == 0
    assert found["saver"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_limits_devices_and_machines(place: Path) -> None:
    odd(place)
    found, pods = services(place), {}
    for name, workload in workloads(place).items():
        pods[name] = workload["spec"]["template"]["spec"]
    mib = 2 * 1431 + 512
    assert found["thermal"]["deploy"]["resources"]["limits"] == {"memory": f"{mib}M"}
    [gpu] = found["thermal"]["deploy"]["resources"]["reservations"]["devices"]
    assert gpu["count"] == 1
    [one] = pods["thermal"]["containers"]
    assert one["resources"]["limits"] == {"memory": f"{mib}Mi", "nvidia.com/gpu": 1}
    assert "deploy" not in found["log"]
    assert found["cam-1"]["devices"] == ["/dev/video0:/dev/video0"]
    assert {name: pod["nodeSelector"]["graph-host"] for name, pod in pods.items()} == {
        **dict.fromkeys(("cam-1", "cam-1-2"), "robot"),
        **dict.fromkeys(("thermal", "saver", "log"), "pool_1"),
    }


def test_files_that_nodes_read_are_there_and_those_that_share_a_folder_are_on_one_machine(place: Path) -> None:
    odd(place)
    mounts = {
        mount["target"]: mount.get("read_only", False)
        for service in services(place).values()
        for mount in service["volumes"]
    }
    assert mounts == {
        **dict.fromkeys((f"/graph/{name}" for name in ("helper.py", "thermal.py", "model.onnx", "tool.sh")), True),
        **dict.fromkeys(("/graph/pictures/a $$1", "/graph/dead-letters/Cam_1", "/graph/dead-letters/cam_1"), False),
    }
    assert 'COPY ["thermal.py", "/graph/thermal.py"]' in exported(place, "k8s")
    default(place)
    pods = {name: one["spec"]["template"] for name, one in workloads(place).items()}
    for name in ("splitter", "watcher"):
        assert pods[name]["metadata"]["labels"]["folder-spool"] == "mounted"
        [term] = pods[name]["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["labelSelector"]["matchLabels"] == {"folder-spool": "mounted"}
    assert "affinity" not in pods["converter"]["spec"]


def test_names_are_such_that_a_network_takes_them_each_once() -> None:
    long = "n" * 90
    found = dns_names(["Cam_1", "cam_1", "cam", "x_", long])
    assert found == {"Cam_1": "cam-1", "cam_1": "cam-1-2", "cam": "cam", "x_": "x", long: "n" * 40}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["export"], r"export to what\? Write export compose or export k8s"),
        (["export", "docker"], r"export to what\?"),
        (["export", "k8s", "converter"], r'"converter" is not understood'),
        (["export", "compose", "converter.fliter=x"], 'has no argument "fliter"'),
        (["--image=frames"], "--image goes with export"),
        (["export", "compose", "--host=x"], "--host goes with"),
    ],
)
def test_bad_uses_are_said(place: Path, words: list[str], says: str) -> None:
    default(place)
    done = printed(place, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(says, done.stderr)
    assert not (place / "deploy").exists()


def test_a_graph_that_would_need_more_ports_than_there_are_is_refused(place: Path) -> None:
    default(place)
    with pytest.raises(
        GraphError, match=r'graph\.yaml: with a container for each node wire "frames" needs the ports 5560'
    ):
        exported(place, "k8s", "watcher.replicas=200", "converter.replicas=200")


def test_a_folder_that_cannot_be_made_is_said(place: Path) -> None:
    default(place)
    (place / "spool").touch()
    (place / "converted").symlink_to("spool/in")
    done = printed(place, "export", "compose")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search("/spool/in: what containers mount cannot be there: Not a directory", done.stderr)


def test_the_probe_says_no_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PAGE", ("127.0.0.1", 1))
    with pytest.raises(OSError, match="refused"):
        probe.ask("health")


def test_the_page_on_deploying_has_the_commands_that_exports_begin_with(place: Path) -> None:
    default(place)
    text = (ROOT / "docs" / "deploy.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for block, form in zip(blocks, ("compose", "k8s"), strict=True):
        said = printed(place, "export", form).stdout.replace(str(ROOT), ".")
        for line in block.splitlines():
            assert line.partition(" > ")[0] in said, line


def test_what_root_has_put_there_for_a_group_is_a_key_and_what_others_read_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.make(path := tmp_path / "host.key")
    if path.stat().st_uid:
        pytest.skip("only root can put a file of root's there")
    monkeypatch.setattr("os.geteuid", lambda: 10001)
    path.chmod(0o440)
    assert keys.read(path)
    for mode in (0o444, 0o460, 0o450):
        path.chmod(mode)
        with pytest.raises(keys.BadKey, match="can be read by others"):
            keys.read(path)


def begun(stack: ExitStack, specs: Sequence[Spec], folder: Path) -> list[Container]:
    """All but the first, which has the clip, in a network with it; their probes succeed."""
    places = stack.enter_context(hosts(*(spec.name for spec in specs)))
    found = [
        stack.enter_context(Container(spec, place, folder, places))
        for spec, place in zip(specs[1:], places[1:], strict=True)
    ]
    for one in found:
        until(one.is_probed, 60, f"{one.spec.name} to be ready: {one.output}")
    return found


def last_word(of: Container, host: str) -> str:
    """How the launcher of `host` has said that it is, as far as that in the container knows."""
    found = [*of.root.glob(f"{layout.RUN[1:]}/zg-*/*/hosts/{host}.json")]
    return str(json.loads(found[0].read_text())["status"]["state"]) if found else ""


def test_the_services_of_a_compose_file_make_all_of_a_clip_though_one_dies(place: Path) -> None:
    default(place)
    make_clip(place / "clip.mp4", 40, "160x120")
    specs = of_compose(yaml.safe_load(exported(place, "compose", "splitter.source=clip.mp4")), place)
    with ExitStack() as stack:
        watcher, converter = begun(stack, specs, place.parent)
        converter.signal("--name=converter", signal.SIGSTOP)
        splitter = stack.enter_context(Container(specs[0], watcher.hosts[0], place.parent, watcher.hosts))
        assert splitter.ends(60) == 0
        until(lambda: last_word(converter, "splitter") == "done", 60, "word of the splitter's end")
        watcher.kill()  # what it knew of that is gone with it
        (again := place.parent / "again").mkdir()
        watcher = stack.enter_context(Container(specs[1], watcher.hosts[1], again, watcher.hosts))
        until(lambda: "frames that were taken before" in watcher.output, 60, "the watcher's next life")
        converter.signal("--name=converter", signal.SIGCONT)
        assert [watcher.ends(90), converter.ends(60)] == [0, 0]
    assert files(place / "converted") == [f"clip-{number:08d}.jpg" for number in range(40)]
    assert files(place / "spool") == []


def test_the_pods_of_manifests_make_all_of_a_clip(place: Path) -> None:
    two_machines(place)
    documents = [*yaml.safe_load_all(exported(place, "k8s"))]
    (volumes := place.parent / "volumes").mkdir()
    specs = of_kubernetes(documents, volumes, place / "deploy" / "keys")
    assert all(spec.user[0] == layout.USER for spec in specs)
    specs[0].mounts.append((place / "clip.mp4", "/graph/clip.mp4", True))  # which its image would hold
    with ExitStack() as stack:
        others = begun(stack, specs, place.parent)
        first = stack.enter_context(Container(specs[0], others[0].hosts[0], place.parent, others[0].hosts))
        assert [one.ends(60) for one in (first, *others)] == [0, 0, 0]
    assert len(files(volumes / "claim-converted")) == 40
    assert files(volumes / "claim-spool") == []
