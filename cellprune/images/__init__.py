"""Image files, read and named: headers, TIFF, PNG, arrays. numpy only."""
