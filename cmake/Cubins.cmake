# kernels/FILE.cu -> FILE.sm_XX.cubin for every wanted architecture that nvcc knows, with sources.sha256, the hashes of what they were made
# from: NativeFl does not load a cubin of other sources than its own. A file with a line "// Target     sm_90a" becomes FILE.sm_90a.cubin
# alone, if sm_90 is wanted and nvcc knows that target. CUDA 11.8 to 13.x: nvcc is called for each file as it is; CMake's
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

# Targets such as sm_90a came with CUDA 12; --list-gpu-arch does not list them.
execute_process(COMMAND ${NATIVEFL_NVCC} --version OUTPUT_VARIABLE release ERROR_QUIET)
if(release MATCHES "release ([0-9]+)\\." AND CMAKE_MATCH_1 GREATER_EQUAL 12)
    set(knows_exact_targets TRUE)
else()
    set(knows_exact_targets FALSE)
endif()

set(kernels ${CMAKE_CURRENT_SOURCE_DIR}/kernels)
set(folder ${CMAKE_CURRENT_BINARY_DIR}/cubins)
file(GLOB sources CONFIGURE_DEPENDS ${kernels}/*.cu)
file(GLOB headers CONFIGURE_DEPENDS ${kernels}/device/*.cuh)
file(MAKE_DIRECTORY ${folder})

# What a file is to be compiled for: "90a" by its line of a target, else all architectures.
function(targets_of source result)
    set(targets ${architectures})
    file(STRINGS ${source} line LIMIT_COUNT 1 REGEX "^// Target +sm_[0-9]+a?([^0-9A-Za-z_]|$)" ENCODING UTF-8)
    if(line MATCHES "sm_([0-9]+)(a?)")
        set(targets ${CMAKE_MATCH_1}${CMAKE_MATCH_2})
        if(NOT CMAKE_MATCH_1 IN_LIST architectures OR (CMAKE_MATCH_2 AND NOT knows_exact_targets))
            set(targets)
        endif()
    endif()
    set(${result} ${targets} PARENT_SCOPE)
endfunction()

set(cubins)
foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    targets_of(${source} targets)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    foreach(target IN LISTS targets)
        set(cubin ${folder}/${name}.sm_${target}.cubin)
        add_custom_command(
            OUTPUT ${cubin}
            COMMAND ${NATIVEFL_NVCC} -cubin -arch=sm_${target} -std=c++17 -lineinfo -I ${kernels} -o ${cubin} ${source}
            DEPENDS ${source} ${headers}
            COMMENT "nvcc ${name}.sm_${target}.cubin"
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
