/** One page: every panel of a dashboard in Grafana's chrome, at its place in Grafana's grid. */

import { createTheme, FieldType, ThemeContext } from '@grafana/data';
import '@fontsource/inter/latin-400.css';
import '@fontsource/inter/latin-500.css';
import { ErrorBoundaryAlert, GlobalStyles, PanelChrome, useTheme2 } from '@grafana/ui';
import { ReactElement, useMemo } from 'react';
import { createRoot } from 'react-dom/client';
import { flushSync } from 'react-dom';

import { Board, Box } from './board';
import { Buckets, Lines, States } from './composed';
import { framesOf, register } from './frames';
import { Curves, Drawn, Numbers, Rows } from './panels';

const [COLUMN, LINE, GAP] = [60, 38, 8]; // Grafana's: a row is 30 px high, with a margin of 8

type Visualisation = (drawn: Drawn) => ReactElement;
const VISUALISATIONS: Record<string, Visualisation> = {
  timeseries: Curves,
  stat: Numbers,
  table: Rows,
  'state-timeline': States,
  heatmap: Buckets,
};
const COMPOSED = ['state-timeline', 'heatmap', 'logs'];
const NOTE = 'Drawn by @grafana/ui. Of state timelines, heatmaps and logs (*) it exports none: their insides are composed here.';

function Inside({ box, board, width, height }: { box: Box; board: Board; width: number; height: number }): ReactElement {
  const theme = useTheme2();
  const { panel } = box;
  const frames = useMemo(() => (panel.type === 'logs' ? [] : framesOf(box, board, theme)), [box]);
  const empty = !box.lines.length && !frames.some((frame) => frame.fields.some((field) => field.type === FieldType.number && field.values.length));
  if (empty && panel.type !== 'stat') {
    return <Silent says={panel.fieldConfig.defaults.noValue ?? 'No data'} />;
  }
  if (panel.type === 'logs') {
    return <Lines {...box} />;
  }
  const Visualisation = VISUALISATIONS[panel.type];
  return Visualisation ? (
    <Visualisation {...{ panel, frames, board, width, height }} />
  ) : (
    <Silent says={`@grafana/ui exports nothing for a panel of type ${panel.type}`} />
  );
}

function Silent({ says }: { says: string }): ReactElement {
  const style = { height: '100%', display: 'flex', alignItems: 'center', justifyContent: 'center', textAlign: 'center' as const };
  return <div style={style}>{says}</div>;
}

function Panel({ box, board }: { box: Box; board: Board }): ReactElement {
  const { x, y, w, h } = box.panel.gridPos;
  const step = (w * COLUMN) / box.of;
  const place = { position: 'absolute' as const, left: x * COLUMN + box.place * step + GAP, top: y * LINE };
  if (box.panel.type === 'row') {
    return <div style={{ ...place, padding: 8, fontWeight: 500 }}>{box.title}</div>;
  }
  return (
    <div style={place}>
      <PanelChrome
        title={COMPOSED.includes(box.panel.type) ? `${box.title} *` : box.title}
        width={step - GAP}
        height={h * LINE - GAP}
      >
        {(width, height) => (
          <ErrorBoundaryAlert>
            <Inside {...{ box, board, width, height }} />
          </ErrorBoundaryAlert>
        )}
      </PanelChrome>
    </div>
  );
}

function Page({ board }: { board: Board }): ReactElement {
  const theme = useTheme2();
  const foot = Math.max(...board.boxes.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  return (
    <>
      <GlobalStyles />
      <style>{`body { background: ${theme.colors.background.canvas}; overflow: visible }`}</style>
      <div style={{ margin: 10, height: 24, display: 'flex', justifyContent: 'space-between', width: 24 * COLUMN - GAP }}>
        <h4>{board.title}</h4>
        <small style={{ color: theme.colors.text.secondary }}>{NOTE}</small>
      </div>
      <main style={{ position: 'relative', height: foot * LINE, width: 24 * COLUMN + GAP }}>
        {board.boxes.map((box, key) => (
          <Panel key={key} box={box} board={board} />
        ))}
      </main>
    </>
  );
}

const board: Board = (window as any).board;
register(board);
const root = createRoot(document.getElementById('page')!);
// a canvas is written on once: the font must be there before
Promise.all([400, 500].map((weight) => document.fonts.load(`${weight} 12px Inter`))).then(() =>
  flushSync(() =>
    root.render(
      <ThemeContext.Provider value={createTheme({ colors: { mode: 'dark' } })}>
        <Page board={board} />
      </ThemeContext.Provider>
    )
  )
);
