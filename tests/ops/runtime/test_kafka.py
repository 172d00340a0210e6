"""Kafka's jars are the committed ones or none, and a missing tool is named with what to install."""

import hashlib
from pathlib import Path

import pytest

from ops.runtime import cache, kafka
from ops.runtime.fault import ClusterFault

JAR = b"a jar"


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a recipe of one jar, an empty cache, and a PATH that has only a java."""
    monkeypatch.setenv("WEIR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    program(tmp_path, "java", "exit 0")
    folder = tmp_path / "recipe"
    folder.mkdir()
    (folder / "pom.xml").write_text("<project/>")
    (folder / "checksums.txt").write_text(f"{hashlib.sha256(JAR).hexdigest()}  one.jar\n")
    return folder


def program(tmp_path: Path, name: str, script: str) -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    path = tmp_path / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def maven_giving(tmp_path: Path, content: str) -> None:
    copy = 'for it; do case "$it" in -DoutputDirectory=*) out="${it#*=}";; esac; done; /bin/mkdir -p "$out"'
    program(tmp_path, "mvn", f"{copy}; printf '{content}' > \"$out/one.jar\"")


def test_the_jars_are_fetched_once(recipe: Path, tmp_path: Path) -> None:
    maven_giving(tmp_path, JAR.decode())
    said: list[str] = []
    jars = kafka.install(recipe, said.append)
    assert kafka.install(recipe, said.append) == jars
    assert (jars / "one.jar").read_bytes() == JAR
    assert len(said) == 1


def test_a_jar_that_changed_in_the_cache_is_fetched_again(recipe: Path, tmp_path: Path) -> None:
    maven_giving(tmp_path, JAR.decode())
    jars = kafka.install(recipe)
    (jars / "one.jar").write_bytes(b"another jar")
    assert (kafka.install(recipe) / "one.jar").read_bytes() == JAR


def test_a_jar_that_is_not_the_committed_one_is_refused(recipe: Path, tmp_path: Path) -> None:
    maven_giving(tmp_path, "another jar")
    with pytest.raises(ClusterFault, match=r"not the ones of .*: one\.jar"):
        kafka.install(recipe)
    assert not (cache.folder() / f"kafka-{kafka.VERSION}" / "libs").exists()


def test_without_maven_the_message_says_what_to_install(recipe: Path) -> None:
    with pytest.raises(ClusterFault, match="Install Maven, or use Docker"):
        kafka.install(recipe)


def test_without_java_the_message_says_what_to_install(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "java").unlink()
    with pytest.raises(ClusterFault, match="Java 17 or newer is missing"):
        kafka.install(recipe)


def test_maven_s_own_words_are_passed_on(recipe: Path, tmp_path: Path) -> None:
    program(tmp_path, "mvn", "echo no route to the repository; exit 1")
    with pytest.raises(ClusterFault, match="no route to the repository"):
        kafka.install(recipe)
