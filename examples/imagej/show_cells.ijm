// Shows the cells that "cellprune predict IMAGE... -o FOLDER --outlines rois" found in an image, and measures them.
//
// In Fiji or ImageJ: Plugins > Macros > Run..., choose this file, then the image and the folder of the prediction.
// From a terminal: java -cp ij.jar ij.ImageJ -macro show_cells.ijm "image.tif|predicted"

words = split(getArgument(), "|");
if (words.length == 2) {
    image = words[0];
    folder = words[1] + File.separator;
} else {
    image = File.openDialog("The image");
    folder = getDirectory("The folder of the prediction");
}
open(image);
name = File.getName(image);
name = substring(name, 0, lastIndexOf(name, "."));
outlines = folder + "outlines" + File.separator + name + ".zip";
if (!File.exists(outlines))
    exit(outlines + " is not there: predict with --outlines rois");
roiManager("reset");
roiManager("open", outlines);
roiManager("show all with labels");
run("Set Measurements...", "area mean centroid shape stack display redirect=None decimal=3");
roiManager("deselect");
roiManager("measure");
