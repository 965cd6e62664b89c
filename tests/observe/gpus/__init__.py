"""Tests for `llamaswap_tw.observe.gpus`."""
