"""``python -m edge_ocr.regions``: compile the region files after a change; a test fails until that is done."""

from edge_ocr.regions import compile_builtin

if __name__ == "__main__":
    print(compile_builtin())  # noqa: T201 - the one line that this command says
