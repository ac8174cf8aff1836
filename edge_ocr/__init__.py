"""edge-ocr reads licence plates and signs from camera frames, on a Raspberry Pi, offline, for years."""
