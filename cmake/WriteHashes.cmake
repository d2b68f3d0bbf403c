# cmake -DROOT=… -DOUTPUT=… -P WriteHashes.cmake: the SHA-256 of every file of device code, in the format of sha256sum, paths relative to
# ROOT.
file(GLOB files RELATIVE ${ROOT} ${ROOT}/kernels/*.cu ${ROOT}/kernels/device/*.cuh)
list(SORT files)
set(lines "")
foreach(file IN LISTS files)
    file(SHA256 ${ROOT}/${file} hash)
    string(APPEND lines "${hash}  ${file}\n")
endforeach()
file(WRITE ${OUTPUT} "${lines}")
