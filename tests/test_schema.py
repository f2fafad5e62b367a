"""docs/graph.schema.json, by which editors check a graph, and the loader agree."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from host import schema
from host.graph import GraphError, load
from host.reading import signature
from host.reading.keys import HOST_KEYS, NODE_KEYS, WIRE_KEYS
from host.reading.pools import OF_POOLS
from host.reading.program import NODES
from tests.graphs import KEYS
from tests.launch import ROOT
from tests.test_bad_graphs import FOLDER

FILE = ROOT / "docs" / "graph.schema.json"
VALIDATOR = jsonschema.Draft7Validator(schema.schema())

# Bad graphs that the schema lets pass, and why it must.
UNSEEN = {
    "what two places say must fit": """
        address_of_a_host_without_address address_of_a_third_host address_of_an_unknown_host circle elastic_without_link
        host_without_key link_port_of_a_wire link_port_of_another_host link_without_address link_without_key
        no_address_between_hosts no_hosts node_without_host port_clash ports_past_the_last pulled_not_pushed
        pushed_from_two_hosts in_order_elastic in_order_replicas in_order_without_pull pool_on_both_ends pool_that_binds
        pool_named_link pool_that_nobody_runs pool_with_address pool_without_key runtime_env_of_a_plain_host
        pushed_not_pulled replicas_of_a_source self_loop two_pullers unknown_host wire_of_no_node""",
    "what a module of the user's own takes, and whether it and a program are there": """
        argument_is_an_input command_is_missing filter_without_input fraction_for_a_whole_number list_for_a_text
        missing_argument missing_input no_arguments_at_all no_such_module number_for_a_flag parameter_like_a_flag
        source_that_pulls text_for_a_list text_for_a_number unknown_argument unknown_input unnamed_inputs""",
    "numbers within a text": "little_memory port_70000 port_zero replicas_backwards replicas_to_too_many",
    "YAML, of which the loader takes less": """
        alias colon_without_space duplicate_key duplicate_node escaped_nul too_deep""",
}
VALUES: list[Any] = [
    *(None, "", "frames", "a b", "1", "off", "2GB", "2 gb", "always", "latest", "jpeg:85", "jpeg:0", "png:1", "gif"),
    *("tcp://station:5560", "tcp://station", "10.0.0.7", "10.0.0.7:1", "bad_", KEYS[0], KEYS[0][1:], "nodes.watcher"),
    *("2..6", "0..3", "2..", "2...4", "02..6"),
    *(True, False, 0, 1, 8, 256, 257, 10_001, 65535, 65536, 0.5, -1.5, [], ["frames"], ["frames", "frames"], [1, "a"]),
    *([[]], [None], {}, {"frames": "frames"}, {"frames": []}, {"a b": "frames"}, {"A_1": 1}),
    *({"ZG_RUN": "x"}, {"a": None}),
]  # fmt: skip


def refused(graph: object) -> list[str]:
    """What the schema has to say."""
    return [error.message for error in VALIDATOR.iter_errors(graph)]


def test_the_committed_schema_is_what_the_verb_prints() -> None:
    assert FILE.read_text() == schema.text() + "\n", f"python launcher.py schema > {FILE.relative_to(ROOT)}"


def test_it_is_a_schema_of_its_draft() -> None:
    jsonschema.Draft7Validator.check_schema(schema.schema())


GRAPHS = [ROOT / "graph.yaml", *sorted(ROOT.glob("examples/*/graph.yaml"))]


@pytest.mark.parametrize("file", GRAPHS, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_graphs_of_the_project_pass(file: Path) -> None:
    assert refused(yaml.safe_load(file.read_text().replace('"…"', f'"{KEYS[0]}"'))) == []


def test_it_refuses_every_bad_graph_but_those_that_it_cannot_see() -> None:
    passed = set()
    for file in FOLDER.glob("*.yaml"):
        try:
            graph = yaml.safe_load(file.read_bytes().decode())
        except (yaml.YAMLError, UnicodeDecodeError):
            continue  # no editor reads it either
        if not refused(graph):
            passed.add(file.stem)

    assert passed == {name for names in UNSEEN.values() for name in names.split()}


def graph(section: str, key: str, value: object) -> dict[str, Any]:
    """A good graph, if its key `key` may be `value`."""
    made: dict[str, Any] = {
        "hosts": {"station": {}},
        "wires": {"frames": {}},
        "nodes": {"one": {"run": "nodes.watcher", "push": "frames", "args": {"folder": "spool"}}},
    }
    made["nodes"]["two"] = {"command": ["true"], "pull": "frames"}
    entry = {"host": made["hosts"]["station"], "wire": made["wires"]["frames"], "node": made["nodes"]["two"]}[section]
    entry[key] = value
    if section == "host" and key in OF_POOLS:
        entry["ray"] = "auto"
    if (section, key) == ("node", "run"):
        del entry["command"]
    return made


def taken(path: Path) -> bool:
    """Whether the loader does, but for what two places say, and what is not there."""
    foreign = ("but no node", "pulls what it pushes", "each message would reach", "is no program on", "no such module",
               "is not under hosts", "is named under wires", "takes no input",
               "and no address", "has no key", "names no host")  # fmt: skip
    try:
        load(path)
    except GraphError as error:
        return all(any(words in problem for words in foreign) for problem in error.problems)
    return True


SECTIONS = {"node": NODE_KEYS, "wire": WIRE_KEYS, "host": HOST_KEYS}


@pytest.mark.parametrize(("section", "key"), [(section, key) for section, keys in SECTIONS.items() for key in keys])
def test_for_each_key_the_schema_and_the_loader_take_the_same_values(tmp_path: Path, section: str, key: str) -> None:
    differ = []
    for value in VALUES:
        made = graph(section, key, value)
        (tmp_path / "graph.yaml").write_text(yaml.safe_dump(made))
        if taken(tmp_path / "graph.yaml") != (not refused(made)):
            differ.append(value)

    unquoted = ["off"] if key in ("stall", "max_age") else []  # which is False to the loader, and a text to editors
    assert differ == unquoted


@pytest.mark.parametrize("file", sorted(NODES.glob("*.py")), ids=lambda file: str(file.stem))
def test_of_a_standard_node_they_take_the_same_arguments(tmp_path: Path, file: Path) -> None:
    takes = signature.read(file)
    good = {name: "text" for name, argument in takes.arguments.items() if argument.required}
    wires = {"push": "frames"} if not any(takes.inputs.values()) else {"pull": "frames"}
    other = {"command": ["true"], **({"pull": "frames"} if "push" in wires else {"push": "frames"})}
    values: list[Any] = ["text", 7, 0.5, True, None, ["a"], {"a": 1}]
    trials = [{}, good, {**good, "strange": 1}, *({**good, name: one} for name in takes.arguments for one in values)]
    for args in trials:
        made = {"nodes": {"one": {"run": f"nodes.{file.stem}", "args": args, **wires}, "two": other}}
        path = tmp_path / "graph.yaml"
        path.write_text(yaml.safe_dump(made))
        assert taken(path) == (not refused(made)), args


def test_each_argument_of_a_standard_node_is_described() -> None:
    contracts = schema.schema()["properties"]["nodes"]["additionalProperties"]["allOf"]
    for contract in contracts:
        for name, argument in contract["then"]["properties"]["args"]["properties"].items():
            assert argument.get("description"), (contract["if"], name)


def test_every_key_says_what_it_is_for() -> None:
    for keys in SECTIONS.values():
        assert all(len(key["description"]) > 20 for key in keys.values())


def test_what_an_editor_completes_is_there() -> None:
    nodes = schema.schema()["properties"]["nodes"]["additionalProperties"]
    assert "nodes.converter" in nodes["properties"]["run"]["examples"]
    assert nodes["properties"]["restart"]["enum"] == ["on-failure", "never", "always"]
    assert json.loads(FILE.read_text()) == schema.schema()
