"""Custody events: who did what to what, when. The only caller of Log.append."""
