process CELLPRUNE_PREDICT {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container 'cellprune:0.1.0'

    input:
    tuple val(meta), path(images)
    path model

    output:
    tuple val(meta), path("${prefix}")              , emit: predicted
    tuple val(meta), path("${prefix}/labels/*")     , emit: labels  , optional: true
    tuple val(meta), path("${prefix}/overlays/*")   , emit: overlays, optional: true
    tuple val(meta), path("${prefix}/**cells.csv") , emit: cells
    tuple val("${task.process}"), val('cellprune'), eval('cellprune --version'), topic: versions, emit: versions_cellprune

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    OMP_NUM_THREADS=${task.cpus} cellprune predict \\
        ${model} \\
        ${images} \\
        ${args} \\
        --output ${prefix}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p ${prefix}/labels
    touch ${prefix}/labels/stub.tif ${prefix}/cells.csv ${prefix}/prediction.json
    """
}
