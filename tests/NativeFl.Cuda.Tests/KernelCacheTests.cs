using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda.Tests;

/// <summary>What the cache gives back is what was put in, or nothing.</summary>
internal sealed class KernelCacheTests
{
    private static readonly KernelSource Source = new("kernels/a.cu", "text"u8.ToArray());
    private static readonly KernelSource[] Headers = [new("kernels/device/h.cuh", "header"u8.ToArray())];
    private static readonly string[] Options = ["-x"];
    private static readonly byte[] Image = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("nativefl-cache-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void An_image_comes_back()
    {
        var cache = new KernelCache(Path.Combine(_folder, "new", "folder"));
        Assert.That(cache.Read("a", Key()), Is.Null);
        cache.Write("a", Key(), Image);
        Assert.That(cache.Read("a", Key()), Is.EqualTo(Image));
        Assert.That(cache.Read("b", Key()), Is.Null);
    }

    [Test]
    public void The_key_covers_everything_that_the_image_depends_on()
    {
        byte[][] keys =
        [
            Key(), Key(source: new("kernels/a.cu", "texT"u8.ToArray())), Key(source: Source with { Path = "kernels/b.cu" }),
            Key(headers: [Headers[0] with { Text = "Header"u8.ToArray() }]), Key(headers: []), Key(options: ["-y"]), Key(options: ["-x", "-y"]),
            Key(compiler: "NVRTC 12.9"), Key(target: "sm_80"),
        ];
        Assert.That(keys.Select(Convert.ToHexString), Is.Unique);
        Assert.That(Key(), Is.EqualTo(keys[0]));
    }

    [Test]
    public void A_damaged_entry_counts_as_absent_wherever_the_damage_is()
    {
        var cache = new KernelCache(_folder);
        cache.Write("a", Key(), Image);
        string entry = Directory.GetFiles(_folder).Single();
        byte[] good = File.ReadAllBytes(entry);
        for (int i = 0; i < good.Length; i += i < 100 ? 1 : 37)
        {
            byte[] bad = [.. good];
            bad[i] ^= 1;
            File.WriteAllBytes(entry, bad);
            Assert.That(cache.Read("a", Key()), Is.Null, $"byte {i}");
        }
        foreach (int length in new[] { 0, 1, 40, 79, 80, 81, good.Length - 1 })
        {
            File.WriteAllBytes(entry, good[..length]);
            Assert.That(cache.Read("a", Key()), Is.Null, $"length {length}");
        }
        File.WriteAllBytes(entry, [.. good, 0]);
        Assert.That(cache.Read("a", Key()), Is.Null, "a byte too many");
        cache.Write("a", Key(), Image);
        Assert.That(cache.Read("a", Key()), Is.EqualTo(Image), "rebuilt");
    }

    [Test]
    public void A_folder_that_cannot_be_written_is_an_empty_cache()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        foreach (string folder in new[] { file, Path.Combine(file, "below"), "/proc/nativefl", "" })
        {
            var cache = new KernelCache(folder);
            cache.Write("a", Key(), Image);
            Assert.That(cache.Read("a", Key()), Is.Null, folder);
        }
    }

    [Test]
    public void Writers_and_readers_at_once_see_whole_images_only()
    {
        byte[][] images = [.. Enumerable.Range(1, 8).Select(i => Enumerable.Repeat((byte)i, 20000 * i).ToArray())];
        Parallel.For(0, 200, i =>
        {
            var cache = new KernelCache(_folder);
            if (i % 2 == 0) cache.Write("a", Key(), images[i / 2 % images.Length]);
            else if (cache.Read("a", Key()) is { } read) Assert.That(read, Is.EqualTo(images[read[0] - 1]));
        });
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1), "no temporary file stays");
    }

    private static byte[] Key(
        KernelSource? source = null, KernelSource[]? headers = null, string[]? options = null, string compiler = "NVRTC 12.8", string target = "sm_90") =>
        KernelCache.Key(source ?? Source, headers ?? Headers, options ?? Options, compiler, target);
}
