using System.Text;
using NativeFl.Models;

namespace NativeFl.Tests.Models;

public sealed class SafetensorsHeaderTests
{
    [TestCase("x", "starts with {", TestName = "Not JSON")]
    [TestCase(" {}", "starts with {", TestName = "Space before the object")]
    [TestCase("[]", "starts with {", TestName = "A list")]
    [TestCase("{", "a JSON object", TestName = "Unfinished")]
    [TestCase("{}x", "a JSON object", TestName = "Something after the object")]
    [TestCase("{}{}", "a JSON object", TestName = "Two objects")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}""", "a JSON object", TestName = "Comma at the end")]
    [TestCase("""{"a":1}""", "object with dtype", "\"1\"", TestName = "A number for a tensor")]
    [TestCase("""{"a":null}""", "object with dtype", "null", TestName = "Null for a tensor")]
    [TestCase("""{"a":{}}""", "no dtype", TestName = "Nothing about a tensor")]
    [TestCase("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", "no shape", TestName = "No shape")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1]}}""", "no data_offsets", TestName = "No offsets")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}""", "more", TestName = "An unknown field")]
    [TestCase("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "dtype twice", TestName = "A field twice")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", "shape twice", TestName = "A shape twice")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "\"a\" twice", TestName = "A tensor twice")]
    [TestCase("""{"\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", "\"a\" twice", TestName = "A tensor twice in two spellings")]
    [TestCase("""{"__metadata__":{},"__metadata__":{}}""", "twice", TestName = "Metadata twice")]
    [TestCase("""{"__metadata__":{"k":"v","k":"w"}}""", "\"k\" twice", TestName = "A metadata key twice")]
    [TestCase("""{"__metadata__":{"k":1}}""", "__metadata__ as an object of strings", TestName = "A number in the metadata")]
    [TestCase("""{"__metadata__":[]}""", "__metadata__ as an object of strings", TestName = "A list as metadata")]
    [TestCase("""{"\ud800":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", "surrogate", TestName = "Half a surrogate pair")]
    [TestCase("""{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", "dtype of F32", "F33", TestName = "An unknown type")]
    [TestCase("""{"a":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}""", "dtype of F32", "F4", TestName = "A type of less than a byte")]
    [TestCase("""{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}""", "dtype as a string", TestName = "A number for a type")]
    [TestCase("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", "shape as a list", TestName = "A number for a shape")]
    [TestCase("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", "shape as a list of integers", TestName = "A string in a shape")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}""", "shape as a list of integers", "1.0", TestName = "A fraction in a shape")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}""", "shape as a list of integers", "1e0", TestName = "An exponent in a shape")]
    [TestCase("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "shape as a list of integers", "-1", TestName = "A negative extent")]
    [TestCase("""{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}""", "below 2^63", "9223372036854775808", TestName = "An extent of 2^63")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", "fits 63 bits", "[4294967296, 4294967296]", TestName = "A product of 2^64")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2147483648,4294967296],"data_offsets":[0,4]}}""", "fits 63 bits", TestName = "A product of 2^63")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2305843009213693952],"data_offsets":[0,4]}}""", "fits 63 bits", TestName = "A size of 2^63 bytes")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "8 bytes for F32 [2]", "4 bytes", TestName = "Fewer bytes than the shape says")]
    [TestCase("""{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}""", "2 bytes for F16 [1]", "4 bytes", TestName = "More bytes than the shape says")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", "data_offsets as a list of integers", "-4", TestName = "A negative offset")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "begin <= end", "[4, 0]", TestName = "Reversed offsets")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}""", "begin <= end", "[4]", TestName = "One offset")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", "begin <= end", "[0, 4, 8]", TestName = "Three offsets")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "starts at 0", "4 to 8", TestName = "A gap at the start")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[6,8]}}""", "\"b\"", "starts at 4", "6 to 8", TestName = "A gap between tensors")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", "\"b\"", "starts at 4", "2 to 6", TestName = "Overlapping tensors")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "\"b\"", "starts at 8", "0 to 8", TestName = "Two tensors in one place")]
    [TestCase("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "\"a\"", "within the 8 bytes", "0 to 12", TestName = "Past the end")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "4 bytes of data", "8 bytes", TestName = "Not the whole file")]
    [TestCase("""{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", "within the 8 bytes", TestName = "The largest offset")]
    [TestCase("{}", "0 bytes of data", "8 bytes", TestName = "No tensor for the data")]
    public void A_bad_header_is_refused(string header, params string[] fragments) =>
        Assert.That(
            () => SafetensorsHeader.Parse(Encoding.UTF8.GetBytes(header), 8, "bad.safetensors", out _),
            SafetensorsFileTests.Refused(["bad.safetensors", .. fragments]));

    [Test]
    public void A_long_name_with_control_characters_is_shortened_and_cleaned_in_the_message()
    {
        string header = "{\"" + new string('n', 4096) + """\n\u0007":1}""";
        Assert.That(
            () => SafetensorsHeader.Parse(Encoding.UTF8.GetBytes(header), 8, "bad.safetensors", out _),
            SafetensorsFileTests.Refused("nnn...\"").And.Message.Length.LessThan(300));
    }

    [TestCase(new long[] { }, 1L)]
    [TestCase(new long[] { 3, 5 }, 15L)]
    [TestCase(new long[] { long.MaxValue, 4, 0 }, 0L)]
    [TestCase(new long[] { long.MaxValue, 1 }, long.MaxValue)]
    [TestCase(new long[] { long.MaxValue, 2 }, null)]
    [TestCase(new long[] { long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue }, null)]
    public void The_product_of_a_shape_is_exact_or_nothing(long[] shape, long? expected) =>
        Assert.That(SafetensorsHeader.Count(shape), Is.EqualTo(expected));
}
