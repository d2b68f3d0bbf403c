using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Cuda;

namespace NativeFl.Cli;

/// <summary>What info says of CUDA: the device's libraries, where its kernels come from, and with --kernels what each takes, for which NVRTC is enough.</summary>
internal static class CudaFigures
{
    /// <summary>Prints and adds "cuda".</summary>
    public static void Add(VerbRun run, CudaBackend backend, bool withKernels, JsonObject result)
    {
        IReadOnlyList<KernelReport> kernels = withKernels ? backend.InspectKernels() : [];
        CudaReport report = backend.Describe();
        int Count(KernelOrigin origin) => report.Kernels.Values.Count(value => value == origin);
        run.Print($"  compiler  {report.Compiler}");
        run.Print($"  products  {report.Products}");
        run.Print(
            $"  kernels   {Count(KernelOrigin.Prebuilt)} prebuilt, {Count(KernelOrigin.Cached)} from the cache, "
            + $"{Count(KernelOrigin.Compiled)} {(withKernels ? "compiled now" : "to compile when first used")}");
        run.Print($"  cache     {(report.CacheFolder.Length > 0 ? report.CacheFolder : "off")}");
        result["cuda"] = new JsonObject
        {
            ["compiler"] = report.Compiler,
            ["products"] = report.Products,
            ["cache"] = report.CacheFolder,
            ["kernels"] = new JsonObject(report.Kernels.Select(kernel => KeyValuePair.Create(kernel.Key, (JsonNode?)Name(kernel.Value)))),
        };
        if (withKernels) AddTable(run, kernels, result);
    }

    /// <summary>Prints and adds what the kernels take where there is no device, by the compiler's log.</summary>
    public static void AddCompiled(VerbRun run, JsonObject result) =>
        AddTable(run, CudaBackend.CompileKernels(run.Get(SharedFlags.CudaLibraries)), result);

    private static void AddTable(VerbRun run, IReadOnlyList<KernelReport> kernels, JsonObject result)
    {
        int width = kernels.Count == 0 ? 0 : kernels.Max(kernel => kernel.Entry.Length) + 2;
        run.Print("");
        run.Print("Threads, registers and bytes of each kernel, and the blocks and warps that a multiprocessor holds; '-' is what is not known");
        run.Print(
            $"{"kernel".PadRight(width)}{"target",-12}{"origin",-10}{"threads",8}{"registers",10}{"static",8}{"dynamic",8}{"local",7}{"spills",7}{"blocks",7}{"warps",6}{"bound",11}");
        foreach (KernelReport kernel in kernels)
        {
            run.Print(string.Create(
                CultureInfo.InvariantCulture,
                $"{kernel.Entry.PadRight(width)}{kernel.Target,-12}{Name(kernel.Origin),-10}{kernel.Threads,8}{kernel.Registers,10}{kernel.StaticSharedBytes,8}{kernel.DynamicSharedBytes,8}"
                + $"{kernel.LocalBytes,7}{Known(kernel.SpillBytes),7}{Known(kernel.Occupancy?.Blocks),7}{Known(kernel.Occupancy?.Warps),6}{kernel.Occupancy?.Bound ?? "-",11}"));
        }
        result["kernels"] = new JsonArray([.. kernels.Select(kernel => new JsonObject
        {
            ["file"] = kernel.File,
            ["entry"] = kernel.Entry,
            ["target"] = kernel.Target,
            ["origin"] = Name(kernel.Origin),
            ["threads"] = kernel.Threads,
            ["registers"] = kernel.Registers,
            ["static_shared_bytes"] = kernel.StaticSharedBytes,
            ["dynamic_shared_bytes"] = kernel.DynamicSharedBytes,
            ["local_bytes"] = kernel.LocalBytes,
            ["spill_bytes"] = kernel.SpillBytes,
            ["resident_blocks"] = kernel.Occupancy?.Blocks,
            ["resident_warps"] = kernel.Occupancy?.Warps,
            ["occupancy"] = kernel.Occupancy?.Share,
            ["bound"] = kernel.Occupancy?.Bound,
        })]);
    }

    private static string Known(int? figure) => figure?.ToString(CultureInfo.InvariantCulture) ?? "-";

    private static string Name(KernelOrigin origin) => origin switch
    {
        KernelOrigin.Prebuilt => "prebuilt",
        KernelOrigin.Cached => "cached",
        _ => "compiled",
    };
}
