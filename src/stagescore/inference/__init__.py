"""What a trained model says of dives: encoding, voting by exemplars, how sure it may be, how familiar a film is."""
