"""The harness itself, on small workflows: order, conditions, tokens, secrets, artifacts, caches, environments."""

from __future__ import annotations

import json

import pytest

from tests.e2e.workflows import act
from tests.e2e.workflows.runner import Fault

pytestmark = pytest.mark.e2e

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
UPLOAD = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
CACHE = "actions/cache@55cc8345863c7cc4c66a329aec7e433d2d1c52a9"


@pytest.fixture(autouse=True)
def with_act():
    act.program()


def files(**workflows: str) -> dict[str, str]:
    return {f".github/workflows/{name}.yml": text for name, text in workflows.items()} | {
        "params.yaml": "depth: 3\n"
    }


NEEDS = f"""
name: Needs
on: {{pull_request: {{branches: [main]}}}}
permissions: {{}}
jobs:
  one:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    outputs:
      depth: ${{{{ steps.read.outputs.depth }}}}
      odd: ${{{{ steps.read.outputs.odd }}}}
    steps:
      - uses: {CHECKOUT}
        with: {{persist-credentials: false}}
      - id: read
        run: |
          echo "depth=$(cut -d' ' -f2 params.yaml)" >> "$GITHUB_OUTPUT"
          printf 'odd<<X\\n%s\\nX\\n' "it's \\"q\\" \\$(id) \\`b\\`" >> "$GITHUB_OUTPUT"
          echo "# Report of $GITHUB_SHA" >> "$GITHUB_STEP_SUMMARY"
  two:
    needs: one
    if: needs.one.outputs.depth == '4'
    runs-on: ubuntu-latest
    steps:
      - run: printf '%s\\n' "$ODD" && exit 1
        env:
          ODD: ${{{{ needs.one.outputs.odd }}}}
  never:
    needs: two
    runs-on: ubuntu-latest
    steps: [{{run: "true"}}]
  always:
    needs: [one, two, never]
    if: ${{{{ !cancelled() }}}}
    runs-on: ubuntu-latest
    steps:
      - run: echo "$RESULTS"
        env:
          RESULTS: ${{{{ needs.one.result }}}} ${{{{ needs.two.result }}}} ${{{{ needs.never.result }}}}
"""


def test_jobs_in_order_with_results_and_outputs(acme):
    model, actions = acme(files(needs=NEEDS))
    model.commit("x", {"params.yaml": "depth: 4\n"})
    model.open_pull("x")
    [run] = actions.deliver()
    assert {name: job.result for name, job in run.jobs.items()} == {
        "one": "success",
        "two": "failure",
        "never": "skipped",
        "always": "success",
    }
    assert run.jobs["one"].outputs == {"depth": "4", "odd": """it's "q" $(id) `b`"""}
    assert run.jobs["one"].summary == f"# Report of {model.git.sha('refs/pull/1/merge')}\n"
    assert """it's "q" $(id) `b`""" in run.jobs["two"].log
    assert "success failure skipped" in run.jobs["always"].log
    assert run.conclusion == "failure"
    names = {c["name"]: c["conclusion"] for c in model.check_runs if c["head_sha"] == model.git.sha("x")}
    assert names["two"] == "failure"


TOKENS = f"""
name: Tokens
on: {{push: {{branches: [main]}}, pull_request: }}
permissions: {{}}
jobs:
  reads:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
      - run: git commit -q --allow-empty -m More && git push -q origin "HEAD:refs/heads/from-${{{{ github.job }}}}"
        env: &who
          GIT_AUTHOR_NAME: bot
          GIT_AUTHOR_EMAIL: bot@example.com
          GIT_COMMITTER_NAME: bot
          GIT_COMMITTER_EMAIL: bot@example.com
  forgets:
    runs-on: ubuntu-latest
    permissions: {{contents: write}}
    steps:
      - uses: {CHECKOUT}
        with: {{persist-credentials: false}}
      - run: git -c core.askPass=true push -q origin HEAD:refs/heads/from-forgets
        env: {{GIT_TERMINAL_PROMPT: "0"}}
  writes:
    runs-on: ubuntu-latest
    permissions: {{contents: write}}
    steps:
      - uses: {CHECKOUT}
      - run: git commit -q --allow-empty -m More && git push -q origin HEAD:refs/heads/from-writes
        env: *who
      - run: test "$SECRET" = "value of it" || echo no secret
        env: {{SECRET: "${{{{ secrets.SECRET }}}}"}}
"""


def test_each_job_has_its_own_token(acme):
    model, actions = acme(files(tokens=TOKENS), secrets={"SECRET": "value of it"})
    model.commit("main", {"params.yaml": "depth: 5\n"})
    [run] = actions.deliver()
    assert {name: job.result for name, job in run.jobs.items()} == {
        "reads": "failure",
        "forgets": "failure",
        "writes": "success",
    }
    assert "403" in run.jobs["reads"].log
    assert model.git.sha("from-writes")
    assert model.git.sha("from-forgets") is None
    assert "no secret" not in run.jobs["writes"].log
    assert all(token.expired for token in model.github.tokens.values() if token.is_job)
    assert model.events == [], "the push of a job's token starts nothing"


def test_fork_has_no_secret_and_cannot_write(acme, github):
    model, actions = acme(files(tokens=TOKENS), secrets={"SECRET": "value of it"})
    fork = github.fork("acme/model", "eve")
    fork.commit("patch", {"params.yaml": "depth: 6\n"}, by="eve")
    model.open_pull("eve:patch", by="eve")
    [run] = actions.deliver()
    assert run.jobs["writes"].result == "failure"
    assert model.git.sha("from-writes") is None


FORK = f"""
name: Build
on: pull_request
permissions: {{}}
jobs:
  build:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
        with: {{persist-credentials: false}}
      - run: mkdir out && cp params.yaml out/ && echo hidden > out/.hidden
      - uses: {UPLOAD}
        with: {{name: report, path: out, if-no-files-found: error}}
"""
AFTER = f"""
name: After
on: {{workflow_run: {{workflows: [Build], types: [completed]}}}}
permissions: {{}}
jobs:
  comment:
    runs-on: ubuntu-latest
    permissions: {{contents: read, actions: read}}
    steps:
      - uses: {CHECKOUT}
        with: {{persist-credentials: false}}
      - uses: {DOWNLOAD}
        with:
          name: report
          path: incoming
          run-id: ${{{{ github.event.workflow_run.id }}}}
          github-token: ${{{{ github.token }}}}
      - run: ls -A incoming && cat incoming/params.yaml params.yaml && echo "$SECRET" | tr a-z A-Z
        env: {{SECRET: "${{{{ secrets.SECRET }}}}"}}
  unsafe:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
        with: {{ref: "${{{{ github.event.workflow_run.head_sha }}}}"}}
"""


def test_workflow_run_takes_a_forks_artifact(acme, github):
    model, actions = acme(files(build=FORK, after=AFTER), secrets={"SECRET": "word"})
    fork = github.fork("acme/model", "eve")
    fork.commit("patch", {"params.yaml": "depth: 6\n"}, by="eve")
    model.open_pull("eve:patch", by="eve")
    build, after = actions.deliver()
    assert (build.conclusion, after.event.name) == ("success", "workflow_run")
    log = after.jobs["comment"].log
    assert "params.yaml\ndepth: 6\ndepth: 3\nWORD\n" in log
    assert ".hidden" not in log
    assert after.jobs["unsafe"].result == "failure"
    assert "Refusing to check out fork pull request code" in after.jobs["unsafe"].log


def test_running_again_uploads_again(acme):
    model, actions = acme(files(build=FORK))
    model.commit("x", {"params.yaml": "depth: 4\n"})
    model.open_pull("x")
    [run] = actions.deliver()
    assert actions.rerun(run).conclusion == "success"
    twice = FORK + f"      - uses: {UPLOAD}\n        with: {{name: report, path: out}}\n"
    model.commit("x", {".github/workflows/build.yml": twice})
    [run] = actions.deliver()
    assert run.conclusion == "failure"
    assert "409" in run.jobs["build"].log


def test_dependabot_has_no_secret_and_cannot_write(acme):
    model, actions = acme(files(tokens=TOKENS), secrets={"SECRET": "value of it"})
    model.commit("dependabot/pip/x", {"params.yaml": "depth: 6\n"}, by="dependabot[bot]")
    model.open_pull("dependabot/pip/x", by="dependabot[bot]")
    [run] = actions.deliver()
    assert run.jobs["writes"].result == "failure"
    assert model.git.sha("from-writes") is None


STORE = f"""
name: Store
on: {{push: , pull_request: }}
permissions: {{}}
jobs:
  store:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
      - id: cache
        uses: {CACHE}
        with:
          path: kept
          key: k-${{{{ hashFiles('params.yaml') }}}}
          restore-keys: k-
      - run: |
          mkdir -p kept
          echo "hit '$HIT' kept $(cat kept/* | tr '\\n' ' ')"
          echo "$GITHUB_REF" >> kept/refs
        env: {{HIT: "${{{{ steps.cache.outputs.cache-hit }}}}"}}
"""


def test_caches_have_scopes(acme):
    model, actions = acme(files(store=STORE))
    model.commit("main", {"a": "1"})
    model.commit("main", {"a": "2"})
    model.commit("x", {"params.yaml": "depth: 4\n"})
    model.commit("y", {"params.yaml": "depth: 4\n"}, start="main")
    runs = actions.deliver()
    said = [line for run in runs for line in run.jobs["store"].log.splitlines() if line.startswith("hit")]
    main = "kept refs/heads/main "
    assert [line.strip() for line in said] == [
        "hit '' kept",
        f"hit 'true' {main}".strip(),
        f"hit 'false' {main}".strip(),
        f"hit 'false' {main}".strip(),
    ], "a branch reads main's caches and its own, not another branch's"


PROTECTED = """
name: Deploy
on: {push: {tags: ["v*"]}}
permissions: {}
jobs:
  plan:
    runs-on: ubuntu-latest
    steps: [{run: "echo plan"}]
  deploy:
    needs: plan
    environment: ${{ contains(github.ref_name, '-rc.') && 'staging' || 'production' }}
    runs-on: ubuntu-latest
    steps:
      - run: echo deployed >> "$WHERE"
        env: {WHERE: "${{ vars.WHERE }}"}
      - run: test -n "$KEY"
        env: {KEY: "${{ secrets.KEY }}"}
  last:
    needs: deploy
    runs-on: ubuntu-latest
    steps: [{run: "echo last"}]
"""


def test_environment_waits_for_approval(acme, tmp_path):
    model, actions = acme(files(deploy=PROTECTED), environment_secrets={"production": {"KEY": "k"}})
    model.environments["production"] = {"reviewers": [{"type": "User", "id": 1}]}
    model.variables["WHERE"] = str(tmp_path / "deployed")
    model.tag("1.0.0")
    model.tag("v1.0.0-rc.1")
    model.tag("v1.0.0")
    candidate, run = actions.deliver()
    assert candidate.jobs["deploy"].result == "failure", "staging has no secret"
    (tmp_path / "deployed").unlink()
    assert (run.conclusion, run.waiting) == (None, ["deploy", "last"])
    assert not (tmp_path / "deployed").exists()
    actions.approve(run, "production")
    assert run.conclusion == "success"
    assert (tmp_path / "deployed").read_text() == "deployed\n"


def test_fault_and_run_again(acme, tmp_path):
    model, actions = acme(files(deploy=PROTECTED), environment_secrets={"production": {"KEY": "k"}})
    model.variables["WHERE"] = str(tmp_path / "deployed")
    actions.fault = Fault("deploy", 1)
    model.tag("v1.0.0")
    [run] = actions.deliver()
    assert {n: j.result for n, j in run.jobs.items()} == {
        "plan": "success",
        "deploy": "failure",
        "last": "skipped",
    }
    actions.fault = None
    actions.rerun(run, failed_only=True)
    assert (run.conclusion, run.attempt) == ("success", 2)
    assert (tmp_path / "deployed").read_text() == "deployed\ndeployed\n"


CHAIN = """
name: Chain
permissions: {}
on: push
jobs:
  apart: {runs-on: ubuntu-24.04, steps: [run: echo again >>"$WHERE/apart"]}
  first: {runs-on: ubuntu-24.04, steps: [run: echo again >>"$WHERE/first"]}
  last:
    needs: first
    if: ${{ !cancelled() }}
    runs-on: ubuntu-24.04
    steps: [run: echo again >>"$WHERE/last"]
"""


def test_what_depends_on_a_failed_job_runs_again_with_it(acme, tmp_path):
    model, actions = acme(files(chain=CHAIN), env={"WHERE": str(tmp_path)})
    actions.fault = Fault("first", 0)
    model.commit("main", {"params.yaml": "depth: 4\n"})
    [run] = actions.deliver()
    actions.fault = None
    actions.rerun(run, failed_only=True)
    assert run.conclusion == "success"
    assert {name: (tmp_path / name).read_text().count("again") for name in run.jobs} == {
        "apart": 1,
        "first": 1,
        "last": 2,
    }


DISPATCH = """
name: Back
on:
  workflow_dispatch:
    inputs:
      to: {type: string}
      reason: {type: string, required: true}
      dry-run: {type: boolean, default: true}
permissions: {}
jobs:
  plan:
    runs-on: ubuntu-latest
    steps:
      - run: echo "to '$TO' because '$REASON'"
        env: {TO: "${{ inputs.to }}", REASON: "${{ inputs.reason }}"}
  back:
    needs: plan
    if: ${{ !inputs.dry-run }}
    runs-on: ubuntu-latest
    steps: [{run: "echo back"}]
"""
HOSTILE = "$(touch /tmp/hostile) `id` \"'; exit 3 #\n::error::x"


def test_dispatch_with_inputs(acme):
    model, actions = acme(files(back=DISPATCH))
    model.dispatch("back.yml", {"reason": HOSTILE})
    model.dispatch("back.yml", {"reason": "Drift", "dry-run": "false", "to": "v1.0.0"})
    first, second = actions.deliver()
    assert [first.jobs["back"].result, second.jobs["back"].result] == ["skipped", "success"]
    assert HOSTILE.splitlines()[0] in first.jobs["plan"].log
    assert "to 'v1.0.0' because 'Drift'" in second.jobs["plan"].log
    model.dispatch("back.yml", {})
    with pytest.raises(ValueError, match="Required input 'reason' not provided"):
        actions.deliver()


SHOWN = """
name: Shown
on: {pull_request: , push: {tags: ["**"]}}
permissions: {}
jobs:
  shown:
    runs-on: ubuntu-latest
    outputs: {title: "${{ steps.out.outputs.title }}"}
    steps:
      - run: printf '%s\\n' "$HEAD|$TITLE|$VARIABLE|$SECRET|$GITHUB_HEAD_REF|$GITHUB_REF_NAME" > "$WHERE"
        env:
          HEAD: ${{ github.head_ref }}
          TITLE: ${{ github.event.pull_request.title }}
          VARIABLE: ${{ vars.VARIABLE }}
          SECRET: ${{ secrets.SECRET }}
          WHERE: ${{ vars.WHERE }}
      - id: out
        run: printf 'title<<EOF_OF_TITLE\\n%s\\nEOF_OF_TITLE\\n' "$TITLE" >> "$GITHUB_OUTPUT"
        env: {TITLE: "${{ github.event.pull_request.title }}"}
  next:
    needs: shown
    runs-on: ubuntu-latest
    steps:
      - run: printf '%s\\n' "$TITLE" > "$WHERE.next"
        env: {TITLE: "${{ needs.shown.outputs.title }}", WHERE: "${{ vars.WHERE }}"}
"""


def test_hostile_names_arrive_as_they_are(acme, tmp_path):
    """The harness itself must neither run nor change them: what it passes on is what a runner would."""
    nasty = "x$HOME$(touch${IFS}pwned)`id`;'\"&|é%0A"
    title = f"{nasty} ::set-output name=a::b </details> @ada \\ # ${{{{ github.token }}}}"
    model, actions = acme(files(shown=SHOWN), secrets={"SECRET": nasty})
    model.variables |= {"VARIABLE": nasty, "WHERE": str(tmp_path / "shown")}
    model.commit(nasty, {"params.yaml": "depth: 4\n"})
    model.open_pull(nasty, title)
    [run] = actions.deliver()
    assert run.conclusion == "success", run.jobs["shown"].log
    shown = (tmp_path / "shown").read_text()
    assert shown == f"{nasty}|{title}|{nasty}|{nasty}|{nasty}|1/merge\n"
    assert run.jobs["shown"].outputs == {"title": title}
    assert (tmp_path / "shown.next").read_text() == f"{title}\n"
    model.tag(f"v1{nasty}")
    [run] = actions.deliver()
    assert (tmp_path / "shown").read_text().endswith(f"||v1{nasty}\n")
    assert not list(tmp_path.rglob("pwned"))


CALLER = """
name: Caller
on: push
permissions: {}
jobs:
  first:
    runs-on: ubuntu-latest
    outputs: {word: "${{ steps.w.outputs.word }}"}
    steps:
      - id: w
        run: echo "word=hello" >> "$GITHUB_OUTPUT"
  call:
    needs: first
    permissions: {contents: read}
    uses: ./.github/workflows/called.yml
    with: {word: "${{ needs.first.outputs.word }}"}
"""
CALLED = f"""
name: Called
on: {{workflow_call: {{inputs: {{word: {{type: string, required: true}}}}}}}}
permissions: {{}}
jobs:
  inner:
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
      - uses: ./.github/actions/say
        with: {{word: "${{{{ inputs.word }}}}"}}
      - run: grep -q 3 params.yaml
"""
SAY = """
name: Say
inputs: {word: {required: true}}
runs:
  using: composite
  steps: [{run: 'echo "said $WORD"', shell: bash, env: {WORD: "${{ inputs.word }}"}}]
"""


def test_called_workflow_and_own_action(acme):
    model, actions = acme(files(caller=CALLER, called=CALLED) | {".github/actions/say/action.yml": SAY})
    model.commit("x", {"b": "1"})
    [run] = actions.deliver()
    assert run.conclusion == "success"
    assert "said hello" in run.jobs["call"].log
    model.commit("x", {"params.yaml": "depth: 9\n"})
    [run] = actions.deliver()
    assert run.jobs["call"].result == "failure"
    model.commit("x", {".github/workflows/called.yml": CALLED.replace("contents: read", "contents: write")})
    with pytest.raises(AssertionError, match="asks for"):
        actions.deliver()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("path: kept", "paths: kept", "has no input paths"),
        ("key: k-", "keys: k-", "has no input keys"),
        ("actions/cache@", "actions/cached@", "no stand-in for actions/cached"),
        ("runs-on: ubuntu-latest", "run-on: ubuntu-latest", "Unexpected value 'run-on'"),
        ("hashFiles", "hashFile", "Unrecognized function"),
        ("    permissions: {contents: read}\n", "    permissions: {content: read}\n", "content"),
    ],
)
def test_mistakes_in_a_file_are_errors(acme, before, after, says):
    assert before in STORE
    model, actions = acme(files(store=STORE.replace(before, after)))
    model.commit("x", {"a": "1"})
    with pytest.raises((AssertionError, ValueError), match=says):
        actions.deliver()


def test_skip_ci_and_unmatched_events_start_nothing(acme):
    model, actions = acme(files(needs=NEEDS))
    model.commit("main", {"a": "1"})
    model.commit("x", {"a": "2"}, "Docs [skip ci]")
    model.open_pull("x")
    assert actions.deliver() == []


def test_attestation_needs_its_permissions(acme):
    digest = "sha256:" + "0" * 64
    text = f"""
name: Attest
on: push
permissions: {{}}
jobs:
  attest:
    runs-on: ubuntu-latest
    permissions: {{id-token: write, attestations: write}}
    steps:
      - uses: actions/attest@1e69f48acb82d1966a394da916b4c1698aa569d6
        with: {{subject-name: acme/model, subject-digest: "{digest}"}}
"""
    model, actions = acme(files(attest=text))
    model.commit("x", {"a": "1"})
    model.commit("x", {".github/workflows/attest.yml": text.replace(", attestations: write", "")})
    good, bad = actions.deliver()
    assert [good.conclusion, bad.conclusion] == ["success", "failure"]
    made = json.loads((model.folder("attestations") / f"{digest.replace(':', '-')}.json").read_text())
    assert [(a["subject"], a["predicate"]) for a in made] == [
        ("acme/model", "https://slsa.dev/provenance/v1")
    ]
