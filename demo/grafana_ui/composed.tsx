/** What @grafana/ui does not export, composed of what it does: plots with its axes and its legend. */

import { DataFrame, Field, formattedValueToString, getFieldDisplayName, GrafanaTheme2 } from '@grafana/data';
import { AxisPlacement, LegendDisplayMode, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { measureText, UPlotChart, UPlotConfigBuilder, useTheme2, VizLayout, VizLegend, VizLegendItem } from '@grafana/ui';
import { ReactElement, useMemo } from 'react';
import uPlot from 'uplot';

import { Board, Box } from './board';
import { numbers } from './frames';
import { Drawn, Marks } from './panels';

const FONT = 12;
const GAP = 0.9; // the share of its row that a state fills: rowHeight of the boards
const HOT = [253, 141, 60]; // the middle of the scheme Oranges

/** A rectangle in times and rows. */
interface Cell {
  from: number;
  to: number;
  row: number;
  color: string;
}

interface Grid {
  names: string[];
  cells: Cell[];
  fill: number;
}

/** Rows of rectangles above a time axis. */
function Plot({ grid, board, width, height }: { grid: Grid; board: Board; width: number; height: number }): ReactElement {
  const theme = useTheme2();
  const config = useMemo(() => prepared(grid, board, theme), [grid]);
  const moments = [board.start, board.end];
  return (
    <UPlotChart data={[moments, moments.map(() => 0)]} {...{ config, width, height }}>
      <Marks config={config} board={board} />
    </UPlotChart>
  );
}

function prepared({ names, cells, fill }: Grid, board: Board, theme: GrafanaTheme2): UPlotConfigBuilder {
  const config = new UPlotConfigBuilder('utc');
  const [x, y] = ['x', 'rows'];
  config.addScale({
    scaleKey: x, isTime: true, orientation: ScaleOrientation.Horizontal, direction: ScaleDirection.Right,
    range: [board.start, board.end],
  });
  config.addScale({
    scaleKey: y, orientation: ScaleOrientation.Vertical, direction: ScaleDirection.Up, range: [0, names.length],
  });
  config.addAxis({ scaleKey: x, isTime: true, placement: AxisPlacement.Bottom, timeZone: 'utc', theme });
  const widest = Math.max(...names.map((name) => measureText(name, FONT).width));
  config.addAxis({
    scaleKey: y, placement: AxisPlacement.Left, theme, grid: { show: false }, size: widest + 2 * FONT,
    splits: names.map((_, row) => row + 0.5),
    filter: ({ height }, splits) => thinned(splits, height / 18), // as many names as fit
    formatValue: (row: number) => names[Math.floor(row)],
  });
  config.addSeries({ scaleKey: y, theme, show: false, lineWidth: 0, pxAlign: 0 } as any);
  config.addHook('draw', (plot) => paint(plot, cells, fill));
  return config;
}

function thinned(splits: number[], most: number): Array<number | null> {
  const every = Math.ceil(splits.length / most);
  return splits.map((split, place) => (place % every ? null : split));
}

function paint(plot: uPlot, cells: Cell[], fill: number): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { from, to, row, color } of cells) {
    const [left, right] = [from, to].map((at) => Math.round(plot.valToPos(at, 'x', true)));
    const [top, foot] = [fill, -fill].map((share) => Math.round(plot.valToPos(row + 0.5 + share / 2, 'rows', true)));
    ctx.fillStyle = color;
    ctx.fillRect(left, top, right - left, foot - top);
  }
  ctx.restore();
}

/** State timeline: each series a row, coloured by the state's own mapping or threshold. */
export function States({ frames, board, width, height }: Drawn): ReactElement {
  const theme = useTheme2();
  const grid = useMemo(() => states(frames, board), [frames]);
  return (
    <VizLayout width={width} height={height} legend={legend(statesShown(frames, theme))}>
      {(w: number, h: number) => <Plot grid={grid} board={board} width={w} height={h} />}
    </VizLayout>
  );
}

function states(frames: DataFrame[], board: Board): Grid {
  const upwards = [...frames].reverse(); // the first series is the topmost row
  const cells = upwards.flatMap((frame, row) =>
    numbers(frame).values.flatMap((value, place) => {
      const from: number = frame.fields[0].values[place];
      const color = numbers(frame).display!(value).color;
      return color ? [{ from, to: Math.min(from + board.step, board.end), row, color }] : [];
    })
  );
  return { names: upwards.map((frame) => getFieldDisplayName(numbers(frame), frame, frames)), cells, fill: GAP };
}

function statesShown(frames: DataFrame[], theme: GrafanaTheme2): VizLegendItem[] {
  const shown = frames.flatMap((frame) => numbers(frame).values.map((value) => numbers(frame).display!(value)));
  const colors = new Map(shown.map((value) => [formattedValueToString(value), value.color]));
  return [...colors].map(([label, color]) => ({
    label,
    color: theme.visualization.getColorByName(color ?? 'text'),
    yAxis: 1,
  }));
}

function legend(items: VizLegendItem[]): ReactElement<any> {
  return (
    <VizLayout.Legend placement="bottom">
      <VizLegend placement="bottom" items={items} displayMode={LegendDisplayMode.List} />
    </VizLayout.Legend>
  );
}

/** Heatmap: buckets as rows, the number of each alone (not cumulative) as depth of colour. */
export function Buckets({ frames, board, width, height }: Drawn): ReactElement {
  const grid = useMemo(() => buckets(frames, board), [frames]);
  return <Plot grid={grid} board={board} width={width} height={height} />;
}

function buckets(frames: DataFrame[], board: Board): Grid {
  const bound = (field: Field) => Number(field.labels!.le.replace('+Inf', 'Infinity'));
  const rows = frames.map(numbers).sort((a, b) => bound(a) - bound(b));
  const times = frames.map((frame) => frame.fields[0].values);
  const alone = rows.map((field, row) =>
    field.values.map((value, place) => value - (row ? rows[row - 1].values[place] ?? 0 : 0))
  );
  const most = Math.max(...alone.flat().filter(Number.isFinite));
  const cells = alone.flatMap((values, row) =>
    values.flatMap((value, place) => {
      const to = times[0][place];
      const depth = Math.sqrt(value / most); // the boards' exponent: 0.5
      return value > 1e-9 ? [{ from: to - board.step, to, row, color: `rgba(${HOT}, ${depth})` }] : [];
    })
  );
  const name = (field: Field) => (bound(field) === Infinity ? '+Inf' : formattedValueToString(field.display!(bound(field))));
  return { names: rows.map(name), cells, fill: 0.96 };
}

/** Lines of log, the newest first. */
export function Lines({ lines }: Box): ReactElement {
  const theme = useTheme2();
  const style = { fontFamily: theme.typography.fontFamilyMonospace, fontSize: 12, whiteSpace: 'pre' as const };
  return <div style={style}>{lines.join('\n')}</div>;
}
