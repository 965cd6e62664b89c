"""
One model's life: its machine, its child, its prober, the watchdog.
"""
