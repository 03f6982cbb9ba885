/** What a page is given: a dashboard's panels as Grafana would read them, each with its answers. */

import { FieldConfigSource, DataTransformerConfig } from '@grafana/data';

/** One series of an answer: its query's letter, its legend, points as milliseconds and values. */
export interface Answer {
  refId: string;
  legend: string;
  labels: Record<string, string>;
  points: Array<[number, number]>;
}

/** A panel's model, of which only what we read is named. */
export interface Model {
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig: FieldConfigSource;
  options: any; // each visualisation has its own
  transformations?: DataTransformerConfig[];
  targets?: Array<{ refId: string; bucketAggs?: unknown[] }>; // the latter: Elasticsearch's
}

/** One panel on the page; a repeated one is here once for each of its values. */
export interface Box {
  panel: Model;
  title: string;
  place: number;
  of: number;
  answers: Answer[];
  lines: string[];
}

export interface Board {
  title: string;
  start: number;
  end: number;
  step: number;
  marks: Array<[number, string]>;
  boxes: Box[];
}
