/** Answers as data frames, with Grafana's own field options, overrides and transformations. */

import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createDataFrame,
  dataLinksOverrideProcessor,
  DataFrame,
  displayNameOverrideProcessor,
  Field,
  FieldConfigPropertyItem,
  FieldType,
  GrafanaTheme2,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';

import { Answer, Board, Box, Model } from './board';

const STANDARD: Record<string, FieldConfigPropertyItem['process']> = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: displayNameOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  links: dataLinksOverrideProcessor,
  color: identityOverrideProcessor,
};

/** Register what Grafana registers at its start: field options (a panel's own too), transformers. */
export function register(board: Board): void {
  const own = new Set(board.boxes.flatMap(({ panel }) => customKeys(panel)));
  standardFieldConfigEditorRegistry.setInit(() => [
    ...Object.entries(STANDARD).map(([id, process]) => property(id, id, process, false)),
    ...[...own].map((key) => property(`custom.${key}`, key, identityOverrideProcessor, true)),
  ]);
  standardTransformersRegistry.setInit(() =>
    [standardTransformers.mergeTransformer, standardTransformers.organizeFieldsTransformer].map(
      (transformation) => ({ id: transformation.id, name: transformation.name, transformation }) as any
    )
  );
}

function customKeys({ fieldConfig }: Model): string[] {
  if (!fieldConfig) {
    return [];
  }
  const overridden = fieldConfig.overrides.flatMap((rule) => rule.properties.map(({ id }) => id));
  return [
    ...Object.keys(fieldConfig.defaults.custom ?? {}),
    ...overridden.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length)),
  ];
}

function property(id: string, path: string, process: any, isCustom: boolean): FieldConfigPropertyItem {
  return { id, path, name: id, process, isCustom, shouldApply: () => true } as any;
}

/** The frames that a visualisation is given. */
export function framesOf(box: Box, board: Board, theme: GrafanaTheme2): DataFrame[] {
  const targets = box.panel.targets ?? [];
  const letters = targets.map(({ refId }) => refId);
  const counted = targets.filter(({ bucketAggs }) => bucketAggs).map(({ refId }) => refId);
  const raw = box.panel.type === 'table'
    ? tables(box.answers, letters, new Set(counted))
    : box.answers.map((answer) => series(answer, board.step));
  const frames = applyFieldOverrides({
    data: transformed(raw, box.panel),
    fieldConfig: box.panel.fieldConfig,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(frames);
  return frames;
}

function transformed(frames: DataFrame[], panel: Model): DataFrame[] {
  let after = frames;
  transformDataFrame(panel.transformations ?? [], frames).subscribe((next) => (after = next));
  return after;
}

/** A range or an instant answer as Grafana's Prometheus data source returns it. */
function series(answer: Answer, step: number): DataFrame {
  return createDataFrame({
    refId: answer.refId,
    fields: [
      {
        name: 'Time',
        type: FieldType.time,
        values: answer.points.map(([at]) => at),
        config: { interval: step },
      },
      {
        name: 'Value',
        type: FieldType.number,
        values: answer.points.map(([, value]) => value),
        labels: answer.labels,
        config: { displayNameFromDS: answer.legend || undefined },
      },
    ],
  });
}

/** Instant answers in the table format: one frame a query, one row a series or a term. */
function tables(answers: Answer[], letters: string[], counted: Set<string>): DataFrame[] {
  return letters.map((refId) => {
    const rows = answers.filter((answer) => answer.refId === refId && answer.points.length);
    const labels = [...new Set(rows.flatMap((row) => Object.keys(row.labels)))].sort();
    const last = (row: Answer) => row.points[row.points.length - 1];
    const value = letters.length > 1 ? `Value #${refId}` : 'Value';
    const column = (name: string, type: FieldType, values: unknown[]) => ({ name, type, values, config: {} });
    const terms = counted.has(refId);
    const times = column('Time', FieldType.time, rows.map((row) => last(row)[0]));
    return createDataFrame({
      refId,
      fields: [
        ...(terms ? [] : [times]),
        ...labels.map((label) => column(label, FieldType.string, rows.map((row) => row.labels[label] ?? ''))),
        column(terms ? 'Count' : value, FieldType.number, rows.map((row) => last(row)[1])),
      ],
    });
  });
}

/** The field that holds a frame's numbers. */
export function numbers(frame: DataFrame): Field<number> {
  return frame.fields.find((field) => field.type === FieldType.number)!;
}
