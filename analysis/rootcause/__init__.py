"""From evidence to ranked causes: measures, symptom, hypotheses, scores, words."""
