"""Training images drawn by programs: plates and scenes as cameras see them, with texts that are known."""
