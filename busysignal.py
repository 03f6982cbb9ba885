"""The command `busysignal`: reads the config and hands each room its own section."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from typer.core import TyperGroup

from alerts.autoscaling.config import AutoscalingSection
from alerts.bridge.config import BridgeSection
from alerts.config import AlertmanagerSection, RulesSection
from analysis.config import AnalysisSection, WatchSection
from analysis.forecast.config import ForecastSection
from analysis.sources import ElasticsearchSection, PrometheusSection
from dashboards.config import DashboardsSection
from exporters.errors import BusySignalError, UsageError
from exporters.generated import Generated
from exporters.gpu.config import GpuSection
from exporters.settings import Section, load
from exporters.telemetry.section import TelemetrySection
from inference_probe.config import ProbeSection

ROOT = Path(__file__).parent
RULES = ROOT / "alerts" / "generated"
AUTOSCALING = RULES / "autoscaling"
RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = ROOT / "dashboards" / "generated"
SIGNALS = ROOT / "docs" / "signals.md"
CAUSES = ROOT / "docs" / "causes.md"

INTERRUPTED = 130

SectionT = TypeVar("SectionT", bound=Section)


class Config(Section):
    """The whole of busysignal.toml, one section for each room."""

    prometheus: PrometheusSection = PrometheusSection()
    alertmanager: AlertmanagerSection = AlertmanagerSection()
    elasticsearch: ElasticsearchSection = ElasticsearchSection()
    telemetry: TelemetrySection = TelemetrySection()
    rules: RulesSection = RulesSection()
    bridge: BridgeSection = BridgeSection()
    autoscaling: AutoscalingSection = AutoscalingSection()
    dashboards: DashboardsSection = DashboardsSection()
    analysis: AnalysisSection = AnalysisSection()
    watch: WatchSection = WatchSection()
    forecast: ForecastSection = ForecastSection()
    gpu: GpuSection = GpuSection()
    probe: ProbeSection = ProbeSection()


ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="busysignal.toml; BUSYSIGNAL__SECTION__KEY overrides it"),
]
WebConfigFile = Annotated[
    Path | None,
    typer.Option("--web-config", help="TLS and passwords, as the Prometheus exporter toolkit"),
]
Check = Annotated[bool, typer.Option("--check", help="write nothing, say what is stale; exit 1")]
Lang = Annotated[Literal["en", "zh"] | None, typer.Option(help="language of what people read")]
Langs = Annotated[Literal["en", "zh", "both"] | None, typer.Option(help="language, or both")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="write the result to this file")]

VerdictId = Annotated[str, typer.Argument(metavar="ID", help="an id, its beginning, or latest")]
TrueCause = Annotated[
    str | None, typer.Option("--cause", metavar="KIND[@ENTITY]", help="what it really was")
]
Said = Annotated[str | None, typer.Option("--by", help="who says so; the login name")]


class Commands(TyperGroup):
    """An error for people is one line and its exit code; Ctrl-C is 130."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BusySignalError as error:
            typer.echo(f"busysignal: {error}", err=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    help="Says that a GPU inference service is busy before its users do, and names the cause.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


verdicts = typer.Typer(help="Read a verdict, and say whether it was right.", no_args_is_help=True)
app.add_typer(verdicts, name="verdict")


@app.command()
def demo(
    fault: Annotated[list[str], typer.Option(help="a fault's name, or all")] = ["slow_replica"],  # noqa: B006  typer copies it
    seed: Annotated[int, typer.Option(help="draws names, onset and severity; 0: a new one")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="runs of each, a seed after another")] = 1,
    engine: Annotated[
        Literal["tiny", "llama", "vllm"],
        typer.Option(help="what serves: the demo's own model, llama-server, or vLLM on the CPU"),
    ] = "tiny",
    list_: Annotated[bool, typer.Option("--list", help="tell the faults and outcomes")] = False,
    companions: Annotated[
        bool,
        typer.Option("--companions", help="break nothing; start all that other panels show"),
    ] = False,
    json: JsonFile = None,
    runs: Annotated[Path, typer.Option(help="where run folders go")] = Path("runs"),
) -> None:
    """Start real servers and a small model service, break it, wait for the page and the verdict."""
    from demo import report, series

    if list_:
        report.tell_faults()
    elif companions:
        _exit_unless(series.accompany(runs))
    else:
        done = series.play(fault, seed=seed, seeds=seeds, folder=runs, json=json, engine=engine)
        _exit_unless(done)


@app.command()
def gpu(
    config: ConfigFile = None,
    names: Annotated[
        Literal["busysignal", "dcgm"] | None,
        typer.Option(help="our names, or dcgm-exporter's for its dashboards"),
    ] = None,
    web_config: WebConfigFile = None,
) -> None:
    """Serve what NVML says of each GPU, at /metrics."""
    from exporters.gpu.launch import become_exporter

    section = settings(config).gpu
    become_exporter(_overridden(section, names=names, web_config=web_config))


@app.command()
def probe(
    config: ConfigFile = None,
    once: Annotated[bool, typer.Option("--once", help="measure once, print a table, stop")] = False,
    endpoints_only: Annotated[
        bool,
        typer.Option("--endpoints-only", help="ask the endpoints, run no kernel, need no torch"),
    ] = False,
    json: JsonFile = None,
    web_config: WebConfigFile = None,
) -> None:
    """Time known kernels, ask the endpoints, and serve what came of it at /metrics."""
    from inference_probe import launch

    section = _overridden(settings(config).probe, web_config=web_config)
    if once:
        seen = launch.look_once(section, kernels=not endpoints_only)
        _write_json(json, seen.report)
        _exit_unless(seen.ok)
    else:
        launch.serve(section, kernels=not endpoints_only, announce=typer.echo)


@app.command()
def watch(config: ConfigFile = None, lang: Lang = None) -> None:
    """Take alerts from Alertmanager and answer each incident with a verdict."""
    from analysis.connect import to_servers
    from analysis.watch import serve

    whole = settings(config)
    sources = to_servers(whole.prometheus, whole.telemetry, whole.elasticsearch)
    analysis = _overridden(whole.analysis, language=lang)
    serve(whole.watch, analysis, sources, rules=whole.rules, announce=typer.echo)


@app.command()
def bridge(config: ConfigFile = None) -> None:
    """Tell chats and pagers what Alertmanager cannot: DingTalk, Feishu, WeCom, verdicts' pages."""
    from alerts.bridge.app import serve

    whole = settings(config)
    serve(whole.bridge, whole.rules.notify, announce=typer.echo)


@app.command()
def analyze(
    start: Annotated[str, typer.Option("--from", help="start of the incident, ISO 8601 in UTC")],
    end: Annotated[str, typer.Option("--to", help="its end")],
    service: Annotated[str | None, typer.Option(help="the service, if there are several")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of Parquet files, no servers")] = None,
    config: ConfigFile = None,
    lang: Lang = None,
    json: JsonFile = None,
) -> None:
    """Give one verdict on a window of the past."""
    from analysis import connect
    from analysis.page import render_text
    from analysis.retrospect import nanoseconds, verdict_on

    whole = settings(config)
    verdict = verdict_on(
        connect.to_files(data)
        if data
        else connect.to_servers(whole.prometheus, whole.telemetry, whole.elasticsearch),
        _overridden(whole.analysis, language=lang),
        start_ns=nanoseconds(start),
        end_ns=nanoseconds(end),
        service=service,
    )
    _write_json(json, verdict.model_dump(mode="json", by_alias=True))
    typer.echo(render_text(verdict))


@verdicts.command("list")
def list_verdicts(config: ConfigFile = None) -> None:
    """Tell the newest verdicts that `watch` keeps."""
    from analysis.show import listed

    typer.echo(listed(settings(config).watch.verdicts))


@verdicts.command()
def show(verdict_id: VerdictId = "latest", config: ConfigFile = None, lang: Lang = None) -> None:
    """Tell a verdict in full, what was said of it, and past incidents like it."""
    from analysis.show import shown

    whole = settings(config)
    analysis = _overridden(whole.analysis, language=lang) if lang else None
    typer.echo(shown(whole.watch.verdicts, verdict_id, analysis))


@verdicts.command()
def confirm(
    verdict_id: VerdictId, cause: TrueCause = None, by: Said = None, config: ConfigFile = None
) -> None:
    """Say that a verdict was right; with --cause, what it was exactly."""
    _keep_word(config, verdict_id, "confirm", cause, by)


@verdicts.command()
def reject(
    verdict_id: VerdictId, cause: TrueCause = None, by: Said = None, config: ConfigFile = None
) -> None:
    """Say that a verdict was wrong; with --cause, what it was instead."""
    _keep_word(config, verdict_id, "reject", cause, by)


@app.command()
def forecast(
    config: ConfigFile = None,
    serve: Annotated[bool, typer.Option("--serve", help="serve it, renewed, at /metrics")] = False,
    json: JsonFile = None,
) -> None:
    """Say what load to expect, within which bounds, and when capacity is crossed."""
    from analysis.forecast import loads, publish, table
    from analysis.sources import PrometheusSource

    whole = settings(config)
    metrics = PrometheusSource(whole.prometheus.url, whole.prometheus.timeout_seconds)
    if serve:
        publish.serve_forecasts(metrics, whole.forecast, announce=typer.echo)
        return
    told = loads.tell(metrics, whole.forecast)
    _write_json(json, [table.document(one) for one in told])
    typer.echo(table.text(told, whole.forecast))


@app.command()
def rules(
    config: ConfigFile = None,
    out: Annotated[Path, typer.Option(help="folder of the rules")] = RULES,
    runbooks: Annotated[Path, typer.Option(help="folder of the runbooks")] = RUNBOOKS,
    lang: Langs = None,
    format_: Annotated[
        Literal["files", "prometheusrule"],
        typer.Option("--format", help="rule files, or resources for Prometheus Operator"),
    ] = "files",
    check: Check = False,
) -> None:
    """Render recording rules, alerts, routes, scrapes and runbooks."""
    from alerts import render

    section = _overridden(settings(config).rules, language=lang)
    if format_ == "prometheusrule":
        _make(render.resources(section, out / "prometheusrule"), check=check)
    else:
        _make(render.generated(section, out), render.runbook_pages(section, runbooks), check=check)


@app.command()
def threshold(
    alert: Annotated[str | None, typer.Argument(help="without one, list what is set")] = None,
    value: Annotated[float | None, typer.Argument(help="where it is to begin")] = None,
    entity: Annotated[str, typer.Option("--for", help="for whom: chat, chat/r1, n1:9400/0")] = "",
    reset: Annotated[bool, typer.Option(help="back to the default")] = False,
    config: ConfigFile = None,
) -> None:
    """Have an alert begin elsewhere for someone, while everything runs; `watch` keeps it."""
    from analysis.watch import asking

    section = settings(config).watch
    if alert is None:
        typer.echo(asking.listed(section), nl=False)
        return
    if (value is None) is not reset:
        raise UsageError(f"say where {alert} is to begin: a number, or --reset for its default")
    typer.echo(asking.changed(section, alert, entity, value))


@app.command()
def alertmanager(
    config: ConfigFile = None,
    out: Annotated[Path, typer.Option(help="folder of the config and its templates")] = RULES,
) -> None:
    """Render Alertmanager's config alone: routes, receivers, inhibition, mute windows."""
    from alerts import render

    _make(render.alertmanager(settings(config).rules, out))


@app.command()
def autoscaling(
    config: ConfigFile = None,
    out: Annotated[Path, typer.Option(help="folder of the manifests")] = AUTOSCALING,
    check: Check = False,
) -> None:
    """Render the manifests of autoscaling: HPA, KEDA, prometheus-adapter."""
    from alerts import autoscaling as scaling

    _make(scaling.generated(settings(config).autoscaling, out), check=check)


@app.command()
def dashboards(
    config: ConfigFile = None,
    out: Annotated[Path, typer.Option(help="folder of the dashboards")] = DASHBOARDS,
    lang: Langs = None,
    check: Check = False,
) -> None:
    """Render the Grafana dashboards, their provisioning files and ConfigMaps."""
    from dashboards import render

    whole = settings(config)
    section = _overridden(whole.dashboards, language=lang)
    _make(render.generated(section, whole.rules, out), check=check)


@app.command()
def signals(
    out: Annotated[Path, typer.Option(help="file of the table")] = SIGNALS,
    check: Check = False,
) -> None:
    """Write the table of all signals."""
    from exporters.catalog.table import markdown

    page = Generated(out.parent, {out.name: markdown()}, "busysignal signals", alone=False)
    _make(page, check=check)


@app.command()
def causes(
    out: Annotated[Path, typer.Option(help="file of the tree")] = CAUSES,
    check: Check = False,
) -> None:
    """Write the fault tree: from "busy" down to every cause."""
    from demo.causes import gaps, markdown

    _say_stale(gaps())
    page = Generated(out.parent, {out.name: markdown()}, "busysignal causes", alone=False)
    _make(page, check=check)


@app.command()
def doctor(config: ConfigFile = None, json: JsonFile = None) -> None:
    """Look at every server, version and signal; say what is missing and what that blinds."""
    from analysis.doctor import Places, findings

    whole = settings(config)
    places = Places(
        prometheus=whole.prometheus.url,
        alertmanager=whole.alertmanager.url,
        elasticsearch=whole.elasticsearch if whole.telemetry.kind == "elasticsearch" else None,
        watch=f"http://{whole.watch.host}:{whole.watch.port}",
        rules=whole.rules,
        guarded=whole.watch.bearer_token_file is not None,
    )
    found = findings(places)
    _write_json(json, found)
    typer.echo("\n".join(map(str, found)))
    _exit_unless(all(finding.ok for finding in found))


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="which benchmark; --list tells them")] = "",
    data: Annotated[Path, typer.Option(help="folder with the unpacked data sets")] = Path(),
    list_: Annotated[bool, typer.Option("--list", help="tell the benchmarks")] = False,
    json: JsonFile = None,
) -> None:
    """Run a public benchmark on data found by its layout; print scores per case and overall."""
    from benchmarks import suites

    if list_:
        typer.echo(suites.listed())
        return
    result = suites.run(name, data)
    _write_json(json, result.as_dict())
    typer.echo(result.as_text())


@app.command()
def incidents(
    out: Annotated[Path, typer.Option(help="a new folder for them")],
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes")] = 1,
    count: Annotated[int, typer.Option(min=1, help="how many")] = 100,
    kind: Annotated[
        list[str] | None, typer.Option(help="these alone; `two` is two causes at once")
    ] = None,
) -> None:
    """Write labelled incidents of a simulated service: metrics, spans, logs and the truth."""
    from demo.incidents.generate import generate

    generate(seed, count, out, only=kind or ())
    _say_written([out])


def settings(path: Path | None) -> Config:
    """The config from `path`, the environment laid over it.

    Time is scaled once, in the rules; the analysis follows unless it is told otherwise.
    """
    config = load(Config, path, os.environ)
    if "time_scale" in config.analysis.model_fields_set:
        return config
    analysis = config.analysis.model_copy(update={"time_scale": config.rules.time_scale})
    return config.model_copy(update={"analysis": analysis})


def _overridden(section: SectionT, **given: Any) -> SectionT:
    """The section with what the command line gave in place of what the config says."""
    return section.model_copy(update={key: value for key, value in given.items() if value})


def main() -> None:
    """Run the command."""
    app()


def _keep_word(
    config: Path | None,
    verdict_id: str,
    says: Literal["confirm", "reject"],
    cause: str | None,
    by: str | None,
) -> None:
    from analysis.feedback import parse_cause, say

    truth = parse_cause(cause) if cause else None
    by = by or os.environ.get("USER", "")
    typer.echo(f"kept: {say(settings(config).watch.verdicts, verdict_id, says, truth, by)}")


def _exit_unless(ok: object) -> None:
    if not ok:
        raise typer.Exit(1)


def _write_json(path: Path | None, document: Any) -> None:
    if path is not None:
        import orjson

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        except OSError as error:
            raise UsageError(
                f"--json {path} cannot be written: {error.strerror}; give another file"
            ) from None


def _make(*files: Generated, check: bool = False) -> None:
    """Write generated files, or with `check` only say which are stale."""
    if check:
        _say_stale([line for each in files for line in each.stale()])
    else:
        _say_written(path for each in files for path in each.write())


def _say_stale(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line, err=True)
    _exit_unless(not lines)


def _say_written(paths: Iterable[Path]) -> None:
    for path in paths:
        typer.echo(f"wrote {path}")


if __name__ == "__main__":
    main()
