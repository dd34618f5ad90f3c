// Raises a camera's alert (告警), which then waits for a person's review (人工复核), and reads it again.
//
//	raisealert CAMERA CLASS CONFIDENCE PICTURE [REQUEST_ID]      as: raisealert cam-001 3 92 picture.jpg
//
// The environment: CIVICMESH_DOOR (https://city.example:443), CIVICMESH_TOKEN, CIVICMESH_SERVICE_CONFIG (the package's).
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	intake "agency.example/raisealert/gen/civicmesh/intake/v1"
	types "agency.example/raisealert/gen/civicmesh/type/v1"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	refused = 1 // nothing happened
	unknown = 2 // run it again with the same request_id
)

func environment(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}

// connect makes a channel with the package's deadlines and retries.
func connect(door string) *grpc.ClientConn {
	config, err := os.ReadFile(environment("CIVICMESH_SERVICE_CONFIG"))
	if err != nil {
		log.Fatal(err)
	}
	scheme, target, _ := strings.Cut(door, "://")
	security := insecure.NewCredentials()
	if scheme == "https" {
		security = credentials.NewTLS(nil)
	}
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(security), grpc.WithDefaultServiceConfig(string(config)))
	if err != nil {
		log.Fatal(err)
	}
	return channel
}

// explain says why a call was not answered as asked, and ends with refused or unknown.
func explain(what string, err error) {
	answer := status.Convert(err)
	log.Printf("%s: %s: %s", what, answer.Code(), answer.Message())
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			log.Printf("  %s (%s)", detail.GetReason(), detail.GetDomain())
		case *errdetails.LocalizedMessage:
			log.Printf("  %s: %s", detail.GetLocale(), detail.GetMessage())
		case *errdetails.BadRequest:
			for _, field := range detail.GetFieldViolations() {
				log.Printf("  %s: %s", field.GetField(), field.GetDescription())
			}
		}
	}
	if answer.Code() == codes.Unavailable || answer.Code() == codes.DeadlineExceeded {
		log.Print("unknown: ask again with the same request_id")
		os.Exit(unknown)
	}
	log.Print("refused: nothing happened")
	os.Exit(refused)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 5 {
		log.Fatal("raisealert CAMERA CLASS CONFIDENCE PICTURE [REQUEST_ID]")
	}
	class, errClass := strconv.Atoi(os.Args[2])
	confidence, errConfidence := strconv.Atoi(os.Args[3])
	picture, errPicture := os.ReadFile(os.Args[4])
	for _, err := range []error{errClass, errConfidence, errPicture} {
		if err != nil {
			log.Fatal(err)
		}
	}
	sum := sha256.Sum256(picture)
	requestID := uuid.Must(uuid.NewV7()).String() // made anew per intention, kept for every repetition of it
	if len(os.Args) > 5 {
		requestID = os.Args[5]
	}
	fmt.Println("request_id", requestID)

	channel := connect(environment("CIVICMESH_DOOR"))
	defer channel.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+environment("CIVICMESH_TOKEN"))
	client := intake.NewIntakeServiceClient(channel)
	alert, err := client.RaiseAlert(ctx, &intake.RaiseAlertRequest{
		RequestId: requestID, Camera: os.Args[1], CameraClass: int32(class), Confidence: int32(confidence),
		ModelVersion: "example-1", CapturedAt: timestamppb.Now(), Box: &intake.Box{Left: 0.25, Top: 0.25, Width: 0.5, Height: 0.5},
		// The picture itself lies in the object store, under this key.
		Photos: []*types.Attachment{{Uri: "alerts/" + requestID + ".jpg", Sha256: sum[:], SizeBytes: int64(len(picture)),
			Kind: types.Attachment_KIND_NEAR}},
	})
	if err != nil {
		explain("RaiseAlert", err)
	}
	again, err := client.GetAlert(ctx, &intake.GetAlertRequest{Name: alert.GetName()})
	if err != nil {
		explain("GetAlert", err)
	}
	fmt.Println(again.GetName(), again.GetCameraClassZh(), again.GetVerdict())
}
