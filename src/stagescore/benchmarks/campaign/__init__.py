"""A campaign of damaged inputs: made by seed, given to the readers of the product in a process with limits, outcomes counted.

`chance` draws; `byte_damage`, `part_damage` (with `part_forms`), `text_damage`, `archive_damage`, `tensor_damage`, `pickle_damage`
damage; `films`, `labels`, `weights`, `onnx`, `joints` make whole inputs and name their readers; `kinds` puts these together;
`trial` runs readers, `record` keeps and counts what came out.
"""
