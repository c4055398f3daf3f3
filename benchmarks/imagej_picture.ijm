// The picture of ImageJ on the page of Fiji: what examples/imagej/show_cells.ijm shows of a prediction.
//
//     cellprune predict dense.onnx t008.tif -o predicted --outlines rois
//     xvfb-run -a -s "-screen 0 1060x520x24" java -cp ij.jar ij.ImageJ -macro benchmarks/imagej_picture.ijm \
//         "examples/imagej/show_cells.ijm|t008.tif|predicted|docs/pictures/imagej.png"
//
// The network and the image are those of benchmarks/napari_picture.py; folders are given from the root on.

words = split(getArgument(), "|");
runMacro(words[0], words[1] + "|" + words[2]);
selectImage(nImages);
setLocation(620, 96, 430, 430);
Table.setLocationAndSize(10, 96, 375, 390, "Results");
wait(2000);
run("Capture Screen");
saveAs("png", words[3]);
run("Quit");
