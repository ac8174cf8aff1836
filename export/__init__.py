"""Renders training data, trains, measures and exports the bundles of edge_ocr, which never imports it."""
