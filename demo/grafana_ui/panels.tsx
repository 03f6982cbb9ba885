/** The visualisations that @grafana/ui exports: curves and bars, numbers, tables. */

import { DataFrame, FieldDisplay, getDisplayValueAlignmentFactors, getFieldDisplayValues, VizOrientation } from '@grafana/data';
import { BigValue, TimeSeries, UPlotConfigBuilder, useTheme2, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { ReactElement, useLayoutEffect } from 'react';

import { Board, Model } from './board';

export interface Drawn {
  panel: Model;
  frames: DataFrame[];
  board: Board;
  width: number;
  height: number;
}

export function Curves({ panel, frames, board, width, height }: Drawn): ReactElement {
  return (
    <TimeSeries
      frames={frames}
      width={width}
      height={height}
      timeRange={range(board)}
      timeZone="utc"
      legend={panel.options.legend}
    >
      {(config: UPlotConfigBuilder) => <Marks config={config} board={board} />}
    </TimeSeries>
  );
}

/** The times on screen, in the shape that Grafana hands around. */
export function range(board: Board): any {
  const ends = { from: board.start, to: board.end };
  return { ...ends, raw: ends };
}

/** A dashed line at each annotation, as Grafana draws them. */
export function Marks({ config, board }: { config: UPlotConfigBuilder; board: Board }): null {
  const theme = useTheme2();
  useLayoutEffect(() => {
    config.addHook('draw', (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.setLineDash([5, 5]);
      for (const [at, color] of board.marks) {
        const x = plot.valToPos(at, 'x', true);
        ctx.strokeStyle = theme.visualization.getColorByName(color);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.restore();
    });
  }, [config]);
  return null;
}

export function Numbers({ panel, frames, width, height }: Drawn): ReactElement {
  const theme = useTheme2();
  const { reduceOptions, graphMode, colorMode, justifyMode, textMode, wideLayout } = panel.options;
  const values = (): FieldDisplay[] =>
    getFieldDisplayValues({
      data: frames,
      fieldConfig: panel.fieldConfig,
      reduceOptions,
      replaceVariables: (text) => text,
      theme,
      sparkline: graphMode !== 'none',
      timeZone: 'utc',
    });
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, count, alignmentFactors }) => (
        <BigValue
          {...{ width, height, count, alignmentFactors, colorMode, graphMode, justifyMode, textMode, theme }}
          value={value.display}
          sparkline={value.sparkline}
          disableWideLayout={!wideLayout}
        />
      )}
      source={frames}
      renderCounter={0}
      width={width}
      height={height}
      itemSpacing={3}
      autoGrid
      orientation={panel.options.orientation ?? VizOrientation.Auto}
    />
  );
}

export function Rows({ panel, frames, width, height }: Drawn): ReactElement {
  return <TableNG data={frames[0]} fieldConfig={panel.fieldConfig} width={width} height={height} />;
}
