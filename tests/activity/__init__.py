"""
Tests for `llamaswap_tw.activity`.
"""
