"""Labelled incidents of a simulated LLM service, written as the real exporters would."""
