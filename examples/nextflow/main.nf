// From a data set to a table of the cells in other images: check, train (or search), export, predict in shards, merge.
//
//     nextflow run examples/nextflow --dataset ./my-cells --images ./plate
//     nextflow run examples/nextflow --dataset ./my-cells --images ./plate --search '--unit macs --cv 3'
//
// What is done stays done: the same command with -resume goes on.

include { CELLPRUNE_PREDICT } from './modules/cellprune/predict/main'

process CHECK {
    input:
    val name
    path folder, name: 'dataset/*'

    output:
    path 'check.txt'

    script:
    """
    cellprune data check ${folder ? "./${folder}" : name} > check.txt
    """

    stub:
    """
    touch check.txt
    """
}

process TRAIN {
    input:
    val name
    path folder, name: 'dataset/*'
    path checked

    output:
    path 'run'

    script:
    """
    OMP_NUM_THREADS=${task.cpus} cellprune train --dataset ${folder ? "./${folder}" : name} ${task.ext.args ?: ''} -o run
    """

    stub:
    """
    mkdir run
    touch run/report.html
    """
}

process SEARCH {
    input:
    val name
    path folder, name: 'dataset/*'
    path checked

    output:
    path 'search'

    script:
    """
    OMP_NUM_THREADS=${task.cpus} cellprune search-max-ratio --dataset ${folder ? "./${folder}" : name} ${task.ext.args ?: ''} -o search
    """

    stub:
    """
    mkdir search
    touch search/search.html
    """
}

process EXPORT {
    input:
    path trained

    output:
    path 'cells.onnx'

    script:
    """
    cellprune export ${trained} -o cells.onnx
    """

    stub:
    """
    touch cells.onnx
    """
}

process MERGE {
    input:
    path shards

    output:
    path 'merged/*'

    script:
    """
    cellprune merge ${shards} -o merged --multiqc
    """

    stub:
    """
    mkdir merged
    touch merged/cells.csv merged/prediction.json merged/cellprune_mqc.json
    """
}

workflow {
    // a folder is written with a separator, as for cellprune itself; anything else is the name of a data set
    folder = params.dataset.contains('/') ? file(params.dataset, checkIfExists: true) : []
    images = file(params.images, checkIfExists: true)

    CHECK(params.dataset, folder)
    if (params.search) {
        trained = SEARCH(params.dataset, folder, CHECK.out)
    }
    else {
        trained = TRAIN(params.dataset, folder, CHECK.out)
    }
    EXPORT(trained)

    shards = channel.of(1..params.shards).map { number -> [[id: "shard-${number}", shard: "${number}/${params.shards}"], images] }
    CELLPRUNE_PREDICT(shards, EXPORT.out)
    MERGE(CELLPRUNE_PREDICT.out.predicted.map { _meta, predicted -> predicted }.collect(sort: { shard -> shard.name }))

    channel.topic('versions')
        .map { process, tool, version -> "${process.tokenize(':').last()}: {${tool}: ${version}}" }
        .unique()
        .collectFile(name: 'versions.yml', storeDir: params.output, newLine: true, sort: true)
}
