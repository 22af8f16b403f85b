"""What a trained model says of dives: encoding, predicting with exemplars or without, how sure it may be, how familiar a film is."""
