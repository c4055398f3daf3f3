"""What of other projects' test files is refused, by suite and reason: each was looked at, and is nothing to predict."""

# suite -> how the line goes on after the file -> names; of an OME-Zarr the line tells of something in it
REFUSED: dict[str, dict[str, str]] = {
    "imagecodecs": {
        "is a WebP image": "frames.webp rgba.u1.webp",
        "is a JPEG of": "gray.u2.jpg rgb.u2.jpg rgba.u2.jpg",
        "is a JPEG 2000 image": "int8_4bit.j2k ycbc.j2k",
        "is a lossless or rare JPEG of":
            "ljpeg/1px.ljp ljpeg/2dht.ljp ljpeg/dng0.ljp ljpeg/dng1.ljp ljpeg/dng2.ljp ljpeg/dng3.ljp "
            "ljpeg/dng4.ljp ljpeg/dng5.ljp ljpeg/dng6.ljp ljpeg/dng7.ljp ljpeg/gray16.ljp ljpeg/linearraw.ljp "
            "ljpeg/rgb24.ljp",
        "is a NumPy array": "rgb.u1.npy rgb.u2.npy testdata.npy",
        "is a JPEG 2000 image or an old ND2 file": "rgb24.jp2",
        "is a JPEG-LS of": "rgba.u1.jls",
        "is a JPEG in CMYK, not in grey or RGB": "rgba.u1.jpg",
        "is transparent in places":
            "rgba.u1.pal.png tiff/rgba.separate.tiled.u1.tif tiff/rgba.separate.u1.tif tiff/rgba.tiled.u1.tif "
            "tiff/rgba.u1.tif",
        "is an AVIF image": "rgba.u1.strict_disabled.avif",
        "holds bool": "tiff/gray.b1.tif tiff/gray.one.b1.tif",
        "holds complex": "tiff/gray.c16.tif tiff/gray.c8.tif",
        "has pages of different kinds": "tiff/gray.series.u1.tif",
        "is compressed in a way that cellprune does not read (Compression 34934)": "tiff/rgb.tiled.jpegxr.u1.tif",
    },
    "pillow": {
        "does not say whether 0 is black or white (no PhotometricInterpretation)": "10ct_32bit_128.tiff",
        "holds 3 images of different kinds": "child_ifd.tiff",
        "holds 2 images of different kinds":
            "child_ifd_jpeg.tiff multipage-mmap.tiff multipage.tiff multipage_out_of_order.tiff",
        "has pages of different kinds": "compression.tif no_rows_per_strip.tif",
        "is stored rotated or mirrored":
            "empty_gps_ifd.jpg g4_orientation_2.tif g4_orientation_3.tif g4_orientation_4.tif "
            "g4_orientation_5.tif g4_orientation_6.tif g4_orientation_7.tif g4_orientation_8.tif "
            "hopper_orientation_2.jpg hopper_orientation_3.jpg hopper_orientation_4.jpg hopper_orientation_5.jpg "
            "hopper_orientation_6.jpg hopper_orientation_7.jpg hopper_orientation_8.jpg orientation_rectangle.jpg",
        "holds bool":
            "g4-fillorder-test.tif g4-multi.tiff g4_orientation_1.tif hopper_g4.tif hopper_g4_500.tif "
            "issue_2278.tif pport_g4.tif total-pages-zero.tif",
        "holds CIELab (PhotometricInterpretation 8)": "hopper.Lab.tif lab-green.tif lab-red.tif lab.tif",
        "claims 65535 channels, more than 16": "libtiff_segfault.tif",
        "is not a whole TIFF or PNG (its pages go round in a circle)":
            "multipage_multiple_frame_loop.tiff multipage_single_frame_loop.tiff",
        "has colours that cellprune does not read (PhotometricInterpretation 6)":
            "old-style-jpeg-compression-no-samplesperpixel.tif old-style-jpeg-compression.tif",
        "is not a whole TIFF or PNG (it claims more pages, strips or tiles than it has room for)":
            "oom-225817ca0f8c663be7ab4b9e717b02c661e66834.tif",
        "is transparent in places":
            "pil136.tiff tiff_16bit_RGBa.tiff tiff_strip_planar_16bit_RGBa.tiff tiff_tiled_planar_16bit_RGBa.tiff",
        "is a JPEG in CMYK, not in grey or RGB": "pil_sample_cmyk.jpg",
        "has a palette (PhotometricInterpretation 3), but 2 channels or no ColorMap": "rdf.tif",
        "is not a whole TIFF or PNG (it breaks off within its pages)": "seek_too_large.tif",
        "is not a whole TIFF or PNG (some of its 2 strips or tiles are missing)": "separate_planar_extra_samples.tiff",
        "is not a whole TIFF or PNG (it claims 374 x 278 pixels, more than it can hold)":
            "tiff_overflow_rows_per_strip.tif",
        "holds CMYK (PhotometricInterpretation 5)":
            "tiff_strip_cmyk_16l_jpeg.tif tiff_strip_cmyk_jpeg.tif tiff_tiled_cmyk_jpeg.tif",
        "has no whole number as its PlanarConfiguration that all programs read": "tiff_tiled_jpeg_oob_read.tif",
        "is not a whole TIFF or PNG (some strips or tiles end beyond the file)": "tiff_wrong_bits_per_sample.tiff",
        "is RGB of 4 channels and does not say what they are (no ExtraSamples)": "tiff_wrong_bits_per_sample_3.tiff",
        "is not a whole JPEG (image file is truncated (8 bytes not processed))": "truncated_jpeg.jpg",
        "is not a whole JPEG (image file is truncated (0 bytes not processed))": "ultrahdr.jpg",
    },
    "tifftools": {
        "holds images inside its 1 page (SubIFDs)": "bad_double_reference.tif",
        "is neither TIFF nor PNG": "bad_header1.tif",
        "is not a whole TIFF or PNG (invalid BigTIFF offset size (1, 0))": "bad_header2.tif",
        "is not a whole TIFF or PNG (it breaks off within its pages)": "bad_ifd_offset.tif bad_subifd_offset.tif",
        "is not a whole TIFF or PNG (Quantization table 0x00 was not defined)": "bad_jpeg2.tif",
        "is not a whole TIFF or PNG (some strips or tiles end beyond the file)": "bad_strip_offset.tif",
    },
    "imread": {
        "is neither TIFF nor PNG":
            "0186-0099.roi bad-files/LSM/00r/00r00.lsm bad-files/LSM/00r/00r01.lsm bad-files/LSM/00r/00r02.lsm "
            "bad-files/LSM/00r/00r03.lsm bad-files/LSM/01r/01r00.lsm bad-files/LSM/01r/01r01.lsm "
            "bad-files/LSM/01r/01r02.lsm bad-files/LSM/02r/02r00.lsm bad-files/LSM/02r/02r01.lsm "
            "bad-files/LSM/02r/02r02.lsm bad-files/LSM/03w/03w00.lsm bad-files/LSM/03w/03w01.lsm "
            "bad-files/LSM/03w/03w02.lsm bad-files/LSM/03w/03w03.lsm diag.xcf error.jpg error.png error.tif "
            "error.unknown error.webp",
        "is a BMP":
            "bad-files/BMP/00r/00r00.bmp bad-files/BMP/00r/00r01.bmp bad-files/BMP/00r/00r02.bmp "
            "bad-files/BMP/00r/00r03.bmp bad-files/BMP/00r/00r04.bmp bad-files/BMP/00r/00r05.bmp "
            "bad-files/BMP/00r/00r06.bmp py-installer-indexed.bmp star1.bmp",
        "is not a whole TIFF or PNG (it has no pages)": "bad-files/TIFF/00r00.tiff",
        "holds bool": "mono.tif",
        "is transparent in places": "paletted_rgba.png rgba.png",
        "is a zip archive": "rois.zip",
    },
    "oiffile": {
        "is a file in Microsoft's compound format (OIB, ZVI, ...)": "test.oib",
    },
    "yaozarrs": {
        "is named in the metadata, and is no array of a Zarr":
            "broken/broken_v05.ome.zarr v04/4007801.zarr v04/9798462.zarr v05/1micron_reconstructions_VOI1.zarr "
            "v05/4ffaeed2-fa70-4907-820f-8a96ef683095.zarr v05/6001240_labels.zarr v05/76-45.ome.zarr "
            "v05/79ad519b-0aa6-4d64-85a9-6cea2318b980.zarr v05/9822152.zarr v05/ExpD_chicken_embryo_MIP.ome.zarr "
            "v05/c0e5d621-62cc-43a6-9dad-2ddab8959d17.zarr v05/fb416517-e36d-4bdb-98f9-47b644138d47.zarr",
        "is not a whole OME-Zarr (`chunk_shape` and `shape` need to have the same number of dimensions.)":
            "broken/broken_v05.ome.zarr",
        "is named as an image's array, and is none": "broken/broken_v05.ome.zarr",
        "is an image of the plate, and is not there": "broken/broken_v05.ome.zarr",
        "does not say which image it holds (no multiscales)": "broken/broken_v05.ome.zarr",
        "does not say which images the well has": "broken/broken_v05.ome.zarr",
        "is a well of the plate, and is not there": "v04/2551.zarr v05/190129.zarr v05/Target-TS.ome.zarr",
        "is an OME-Zarr of several series, and none of them is there":
            "v05/EM04534_04_dU_SBF_8bits_aligned_z4-136_7-7-50nm_v3.zarr v05/L3_nsybG4xcherryCAAXmerged.ims.zarr "
            "v05/Larve_2_20x095_Z1_4096_BAPP_with_cslip.lif.zarr v05/emimmsyn1.zarr",
    },
    "stardist": {},
    "ome_zarr": {
        "is an OME-Zarr of version '0.1'; 0.4 (in .zattrs) and 0.5 (in zarr.json) are read": "v1",
        "is an OME-Zarr of version '0.2'; 0.4 (in .zattrs) and 0.5 (in zarr.json) are read": "v2",
    },
}  # fmt: skip
