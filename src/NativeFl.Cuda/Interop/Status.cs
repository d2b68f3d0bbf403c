using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>The one place where a status of the three libraries becomes an exception.</summary>
internal static unsafe class Status
{
    public const int OutOfMemory = 2, NotInitialized = 3;

    /// <summary>Throws unless a call of the driver succeeded. Where device memory ran out, the text also says what is free and what to lower.</summary>
    public static void Check(int status, string operation)
    {
        if (status == OutOfMemory) throw new CudaException(operation, status, $"{DriverText(status)}; {MemoryLeft()}");
        if (status != 0) throw new CudaException(operation, status, DriverText(status));
    }

    /// <summary>A size for people.</summary>
    public static string Mebibytes(long bytes) => FormattableString.Invariant($"{bytes / (double)(1 << 20):F1} MiB");

    /// <summary>Throws unless a call of NVRTC succeeded.</summary>
    public static void CheckCompiler(int status, string operation)
    {
        if (status != 0) throw new CudaException(operation, status, Marshal.PtrToStringUTF8((nint)Nvrtc.nvrtcGetErrorString(status)) ?? $"NVRTC status {status}");
    }

    /// <summary>Throws unless a call of cuBLASLt succeeded.</summary>
    public static void CheckBlas(int status, string operation)
    {
        if (status != 0) throw new CudaException(operation, status, BlasText(status));
    }

    /// <summary>The driver's name and description of a status.</summary>
    public static string DriverText(int status)
    {
        byte* name = null, text = null;
        if (CudaDriver.cuGetErrorName(status, &name) != 0 || name == null) return $"CUDA status {status}";
        _ = CudaDriver.cuGetErrorString(status, &text);
        return text == null ? Marshal.PtrToStringUTF8((nint)name)! : $"{Marshal.PtrToStringUTF8((nint)text)} ({Marshal.PtrToStringUTF8((nint)name)})";
    }

    private static string MemoryLeft()
    {
        nuint free, total;
        string left = CudaDriver.cuMemGetInfo_v2(&free, &total) == 0
            ? $"{Mebibytes((long)free)} of the device's {Mebibytes((long)total)} are free"
            : "the device does not say what is free";
        return $"{left}; lower --batch-size, --max-length, --rank or the clients trained at once";
    }

    // cuBLASLt names its statuses only since 11.4.
    private static string BlasText(int status) => status switch
    {
        1 => "CUBLAS_STATUS_NOT_INITIALIZED",
        3 => "CUBLAS_STATUS_ALLOC_FAILED",
        7 => "CUBLAS_STATUS_INVALID_VALUE",
        8 => "CUBLAS_STATUS_ARCH_MISMATCH",
        11 => "CUBLAS_STATUS_MAPPING_ERROR",
        13 => "CUBLAS_STATUS_EXECUTION_FAILED",
        14 => "CUBLAS_STATUS_INTERNAL_ERROR",
        15 => "CUBLAS_STATUS_NOT_SUPPORTED",
        _ => $"cuBLAS status {status}",
    };
}
