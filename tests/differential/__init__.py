"""Tables, settings, splits and scores at random, against scikit-learn on the raw rows."""
