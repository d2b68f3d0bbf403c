# kernels/FILE.cu -> FILE.sm_XX.cubin for every wanted architecture that nvcc knows, with sources.sha256, the hashes of what they were made
# from: NativeFl does not load a cubin of other sources than its own. CUDA 11.8 to 13.x: nvcc is called for each file as it is; CMake's
# own CUDA language would want a host compiler that this toolkit supports and a runtime library, and cubins need neither.
find_program(NATIVEFL_NVCC nvcc
    HINTS ENV CUDAToolkit_ROOT ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin
    DOC "NVIDIA's compiler")
if(NOT NATIVEFL_NVCC)
    if(NOT NATIVEFL_CUBINS STREQUAL "AUTO")
        message(FATAL_ERROR "NATIVEFL_CUBINS is ${NATIVEFL_CUBINS}, but nvcc was not found: put it on the PATH or set CUDA_HOME")
    endif()
    message(STATUS "nvcc not found: no cubins; NVRTC compiles the kernels where they run")
    return()
endif()

execute_process(COMMAND ${NATIVEFL_NVCC} --list-gpu-arch OUTPUT_VARIABLE known ERROR_VARIABLE complaint RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${NATIVEFL_NVCC} --list-gpu-arch failed (CUDA 11.8 or newer is needed): ${complaint}")
endif()
string(REGEX MATCHALL "compute_[0-9]+" known "${known}")
set(architectures)
foreach(architecture IN LISTS NATIVEFL_ARCHITECTURES)
    if("compute_${architecture}" IN_LIST known)
        list(APPEND architectures ${architecture})
    endif()
endforeach()
if(NOT architectures)
    message(FATAL_ERROR "${NATIVEFL_NVCC} knows none of sm_${NATIVEFL_ARCHITECTURES}")
endif()
message(STATUS "cubins by ${NATIVEFL_NVCC} for sm_${architectures}")

set(kernels ${CMAKE_CURRENT_SOURCE_DIR}/kernels)
set(folder ${CMAKE_CURRENT_BINARY_DIR}/cubins)
file(GLOB sources CONFIGURE_DEPENDS ${kernels}/*.cu)
file(GLOB headers CONFIGURE_DEPENDS ${kernels}/device/*.cuh)
file(MAKE_DIRECTORY ${folder})

set(cubins)
foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    foreach(architecture IN LISTS architectures)
        set(cubin ${folder}/${name}.sm_${architecture}.cubin)
        add_custom_command(
            OUTPUT ${cubin}
            COMMAND ${NATIVEFL_NVCC} -cubin -arch=sm_${architecture} -std=c++17 -lineinfo -I ${kernels} -o ${cubin} ${source}
            DEPENDS ${source} ${headers}
            COMMENT "nvcc ${name}.sm_${architecture}.cubin"
            VERBATIM)
        list(APPEND cubins ${cubin})
    endforeach()
endforeach()

# Written last, and from the files as they are then: a half-built folder has hashes that do not fit, so that none of it is loaded.
add_custom_command(
    OUTPUT ${folder}/sources.sha256
    COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_CURRENT_SOURCE_DIR} -DOUTPUT=${folder}/sources.sha256 -P ${CMAKE_CURRENT_LIST_DIR}/WriteHashes.cmake
    DEPENDS ${cubins} ${CMAKE_CURRENT_LIST_DIR}/WriteHashes.cmake
    VERBATIM)
add_custom_target(cubins ALL DEPENDS ${cubins} ${folder}/sources.sha256)
# CMake leaves an installed file alone if its time is within a second of the new one's: what was built again that fast would stay behind.
install(CODE "set(ENV{CMAKE_INSTALL_ALWAYS} 1)")
install(FILES ${cubins} ${folder}/sources.sha256 DESTINATION cubins)
