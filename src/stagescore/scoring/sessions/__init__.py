"""Films of many dives: where each is, found in one pass, in a stream and in bounded memory."""
