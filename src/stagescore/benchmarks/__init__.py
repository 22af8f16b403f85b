"""How the whole of `score` does on many films; nobody who only scores a film needs it."""
