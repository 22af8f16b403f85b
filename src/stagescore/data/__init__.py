"""Labels in: the data sets' own files to one manifest, checked; splits, exemplars, floors."""
