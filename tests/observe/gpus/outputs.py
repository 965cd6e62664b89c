"""
What ``rocm-smi`` prints, in an older version and in a newer one.
"""

OLD = {
    "card0": {
        "Unique ID": "0x7f1",
        "Card series": "Radeon RX 7900 XTX",
        "Card model": "0x0e3b",
        "Temperature (Sensor edge) (C)": "48.0",
        "Temperature (Sensor junction) (C)": "57.0",
        "Temperature (Sensor memory) (C)": "64.0",
        "Fan speed (level)": "56",
        "Fan speed (%)": "22",
        "Average Graphics Package Power (W)": "101.0",
        "Max Graphics Package Power (W)": "303.0",
        "GPU use (%)": "97",
        "GPU memory use (%)": "31",
        "VRAM Total Memory (B)": "25753026560",
        "VRAM Total Used Memory (B)": "9000000000",
    },
    "system": {"Driver version": "6.3.6"},
}

NEW = {
    "card1": {
        "Device Name": "AMD Instinct MI300X",
        "GFX Version": "gfx942",
        "Unique ID": "N/A",
        "Temperature (Sensor junction) (C)": "41.0",
        "Temperature (Sensor memory) (C)": "N/A",
        "Current Socket Graphics Package Power (W)": "141.0",
        "GPU use (%)": "0",
        "GPU Memory Allocated (VRAM%)": "1",
        "GPU Memory Read/Write Activity (%)": "3",
        "VRAM Total Memory (B)": "206141652992",
        "VRAM Total Used Memory (B)": "297000000",
    }
}
